# MMDRFuse's ablation: without the intensity loss.
_base_ = './mmdrfuse_student_llvip.py'

losses = _base_.model.losses
model = dict(
    losses=dict(
        _delete_=True,
        **{
            name: loss
            for name, loss in losses.items() if name != 'intensity'
        }))
