# The real-time student in its tiny size.
_base_ = './realtime_base.py'

model = dict(student=dict(size='tiny'))
