"""FILMs with the golden weights, for several tests."""
from mmfusion.models.fusers import FILMFusion
from tests.support.references.film import fill_reference, reference_shapes

#: a token grid that makes the fixed part of the work small
GRID = (36, 48)


def golden_state():
    """The golden weights under the authors' names."""
    return fill_reference(reference_shapes())


def film(state=None, **options):
    """Our network in eval mode, by default with the golden weights."""
    from mappings.film import film_key
    state = state or golden_state()
    fuser = FILMFusion(**options)
    fuser.load_state_dict(
        {key: state[film_key(key)] for key in fuser.state_dict()})
    return fuser.eval()


def naive_film(state=None):
    """The plain transcription with the same weights."""
    from benchmarks.naive import NaiveFILM
    naive = NaiveFILM()
    naive.load_state_dict(state or golden_state())
    return naive.eval()
