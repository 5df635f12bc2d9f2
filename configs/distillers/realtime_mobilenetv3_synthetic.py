# The real-time student with MobileNetV3 of timm for encoders; its weights
# are loaded by student = dict(backbone_checkpoint=FILE).
_base_ = './realtime_tiny_synthetic.py'

model = dict(student=dict(backbone='mobilenetv3_large_100'))
