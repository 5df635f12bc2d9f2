"""Export a config's model to ONNX, TorchScript or torch.export; see --help."""
import sys

from mmfusion.cli.export import main
from mmfusion.cli.running import run

if __name__ == '__main__':
    sys.exit(run(main))
