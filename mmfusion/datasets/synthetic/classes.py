"""The classes that the synthetic street draws: those of MFNet, by
number."""
(UNLABELED, CAR, PERSON, BIKE, CURVE, CAR_STOP, GUARDRAIL, COLOR_CONE,
 BUMP) = range(9)

# Objects that are counted; kerbs and guardrails run on without end.
BOX_CLASSES = (CAR, PERSON, BIKE, CAR_STOP, COLOR_CONE, BUMP)
