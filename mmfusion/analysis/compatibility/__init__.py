"""Which networks of the installed mmseg and mmdet train behind a fuser."""
