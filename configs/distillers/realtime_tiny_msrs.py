# The real-time student in its tiny size, as realtime_base_msrs.py.
_base_ = './realtime_base_msrs.py'

model = dict(student=dict(size='tiny'))
