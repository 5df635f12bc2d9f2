# MMDRFuse's short ablation: without a teacher and without the refresh.
_base_ = './mmdrfuse_student_novgg_mini_nodistill.py'

losses = _base_.model.losses
model = dict(
    losses=dict(
        _delete_=True,
        **{
            name: loss
            for name, loss in losses.items() if 'refresh' not in name
        }))
