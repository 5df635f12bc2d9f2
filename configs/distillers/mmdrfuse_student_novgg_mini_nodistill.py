# MMDRFuse's ablation: without a teacher, on the content losses alone.
_base_ = './mmdrfuse_student_novgg_mini.py'

stage1_config = None
stage1_checkpoint = None
model = dict(
    _delete_=True,
    type='ImageFuser',
    fuser=_base_.model.student,
    output_norm=_base_.model.output_norm,
    losses=_base_.model.losses)
