# The real-time student in its small size, as realtime_base_msrs.py.
_base_ = './realtime_base_msrs.py'

model = dict(student=dict(size='small'))
