"""The nine classes of MFNet, as the synthetic street draws them."""
CLASSES = ('unlabeled', 'car', 'person', 'bike', 'curve', 'car_stop',
           'guardrail', 'color_cone', 'bump')
PALETTE = ((0, 0, 0), (64, 0, 128), (64, 64, 0), (0, 128, 192),
           (0, 0, 192), (128, 128, 0), (64, 64, 128), (192, 128, 128),
           (192, 64, 0))
(UNLABELED, CAR, PERSON, BIKE, CURVE, CAR_STOP, GUARDRAIL, COLOR_CONE,
 BUMP) = range(9)

# Objects that are counted; kerbs and guardrails run on without end.
BOX_CLASSES = (CAR, PERSON, BIKE, CAR_STOP, COLOR_CONE, BUMP)
