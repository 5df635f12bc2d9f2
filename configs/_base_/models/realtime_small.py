# The real-time student in its small size.
_base_ = './realtime_base.py'

model = dict(student=dict(size='small'))
