# The 113 weights of MMDRFuse's student, trained without a teacher.
_base_ = './transfuser6_mif_mini.py'

model = dict(fuser=dict(_delete_=True, type='MMDRFuseStudent'))
