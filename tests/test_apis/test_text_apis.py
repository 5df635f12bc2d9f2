"""Text of FusionInferencer, and the flags of test_fusion.py."""
import json

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config

from mmfusion.apis import FusionInferencer
from mmfusion.apis.text import TextOptions, parse_encoder
from mmfusion.cli import legacy as cli
from mmfusion.cli.fuse import main as run_fusion
from mmfusion.registry import MODELS
from mmfusion.utils.errors import UsageError
from tests.support import text_cases, tiny_project
from tests.support.h5_cases import feature, h5_groups, write_h5

CAPTIONS = {'000': 'two cars', '001': ['a man', 'a lamp'], '002': 'a street'}
CONFIG = '''
default_scope = 'mmfusion'
model = dict(type='ImageFuser', fuser=dict(type='TextGateFuser'))
'''


@pytest.fixture(scope='module')
def encoder(tmp_path_factory):
    return text_cases.save_encoder(tmp_path_factory.mktemp('bert'))


@pytest.fixture
def root(tmp_path):
    """Pairs, features, captions, a config and a checkpoint."""
    tiny_project.write_pairs(tmp_path)
    (tmp_path / 'text').mkdir()
    for index in range(3):
        np.save(tmp_path / 'text' / f'{index:03d}.npy',
                feature(index, 3 + index))
    (tmp_path / 'captions.json').write_text(json.dumps(CAPTIONS))
    (tmp_path / 'guided.py').write_text(CONFIG)
    torch.save(dict(state_dict=make_model().state_dict()),
               tmp_path / 'guided.pth')
    return tmp_path


def make_model():
    torch.manual_seed(0)
    model = MODELS.build(
        dict(type='ImageFuser', fuser=dict(type='TextGateFuser')))
    torch.nn.init.normal_(model.fuser.gate.weight, std=2.0)
    return model


def read(path):
    return cv2.imread(str(path), cv2.IMREAD_UNCHANGED)


def by_hand(root, index, text):
    """The fused image as the fuser gives it, (H, W, 3) RGB uint8."""
    name = f'{index:03d}.png'
    vis = torch.tensor(read(root / 'vis' / name)[..., ::-1] / 255).float()
    ir = torch.tensor(read(root / 'ir' / name) / 255).float()
    with torch.no_grad():
        fused = make_model().fuser(
            vis.permute(2, 0, 1)[None], ir[None, None],
            text=torch.as_tensor(text)[None]).fused[0]
    return (255 * fused.clamp(0, 1)).round().byte().permute(1, 2, 0).numpy()


def same(got, want):
    assert abs(got.astype(int) - want).max() <= 1


class TestInferencer:

    def test_features_of_folders(self, root):
        fuse = FusionInferencer(make_model(), text_features=str(root / 'text'))
        for batch_size in (1, 3):
            results = fuse(root / 'vis', root / 'ir', batch_size=batch_size)
            for index, result in enumerate(results):
                same(result['fused'],
                     by_hand(root, index, feature(index, 3 + index)))
        assert (results[0]['fused'] != by_hand(root, 0, feature(1, 4))).any()

    def test_captions_and_encoder(self, root, encoder):
        fuse = FusionInferencer(make_model(),
                                captions=str(root / 'captions.json'),
                                text_encoder=f'bert={encoder}')
        result = fuse(root / 'vis' / '001.png', root / 'ir' / '001.png')
        step = TextOptions(
            text_encoder=dict(type='bert', folder=encoder)).step()
        text = step._encoder.features([('a man', 'a lamp')])[0]
        same(result['fused'], by_hand(root, 1, text))

    def test_text_with_the_call(self, root, encoder, monkeypatch):
        fuse = FusionInferencer(make_model(), text_encoder=f'bert={encoder}')
        step = fuse.pipeline.transforms[0]
        calls = []
        plain = step._encoder.encode_strings
        monkeypatch.setattr(
            step._encoder, 'encode_strings',
            lambda texts: calls.append(list(texts)) or plain(texts))
        vis, ir = root / 'vis', root / 'ir'
        every = fuse(vis, ir, text='two cars')
        fuse(vis, ir, text='two cars')
        assert calls == [['two cars']]
        text = step._encoder.features(['two cars'])[0]
        for index, result in enumerate(every):
            same(result['fused'], by_hand(root, index, text))
        arrays = [read(vis / '000.png')[..., ::-1], read(ir / '000.png')]
        same(
            fuse(*arrays, text=('two cars', ))['fused'],
            every[0]['fused'].astype(int))
        each = fuse(vis, ir, text=['two cars', feature(1), feature(2)])
        same(each[1]['fused'], by_hand(root, 1, feature(1)))
        with pytest.raises(ValueError, match='list of 3, got a list of 2'):
            fuse(vis, ir, text=['two cars', 'a man'])

    def test_features_with_the_call_need_no_encoder(self, root):
        fuse = FusionInferencer(make_model())
        paths = root / 'vis' / '000.png', root / 'ir' / '000.png'
        for text in (feature(7), torch.tensor(feature(7))):
            same(
                fuse(*paths, text=text)['fused'], by_hand(root, 0, feature(7)))
        data = fuse.preprocess(*paths, text=feature(7))
        np.testing.assert_array_equal(data['data_samples'][0].text, feature(7))
        with pytest.raises(ValueError, match='000.*expected a text for'):
            fuse(*paths)
        with pytest.raises(ValueError, match='text_encoder='):
            fuse(*paths, text='two cars')

    def test_other_fusers_ignore_text(self, root):
        model = MODELS.build(
            dict(type='ImageFuser', fuser=dict(type='AverageFuser')))
        paths = root / 'vis' / '000.png', root / 'ir' / '000.png'
        plain = FusionInferencer(model)(*paths)['fused']
        guided = FusionInferencer(model, text_features=str(
            root / 'text'))(*paths)['fused']
        np.testing.assert_allclose(plain, guided, atol=1)

    def test_pipeline_of_the_config(self, root, encoder):
        """Its LoadTextFeatures is kept, or replaced by what is given."""
        cfg = Config.fromfile(root / 'guided.py')
        cfg.test_dataloader = dict(dataset=dict(pipeline=[
            dict(type='LoadFusionPair'),
            dict(type='LoadTextFeatures', features=str(root / 'text')),
            dict(type='PackFusionInputs')
        ]))
        paths = root / 'vis' / '001.png', root / 'ir' / '001.png'
        fuse = FusionInferencer(cfg, root / 'guided.pth', device='cpu')
        same(fuse(*paths)['fused'], by_hand(root, 1, feature(1, 4)))
        np.save(root / 'one.npy', feature(9))
        fuse = FusionInferencer(cfg, root / 'guided.pth', device='cpu',
                                text_features=str(root / 'one.npy'))
        same(fuse(*paths)['fused'], by_hand(root, 1, feature(9)))
        assert len(fuse.pipeline.transforms) == 3


class TestFlags:

    @pytest.fixture
    def fuse(self, root):

        def run(*flags, config='guided.py', folders=True):
            words = [
                root / config, root / 'guided.pth', '--out-dir', root / 'out',
                '--device', 'cpu', *flags
            ]
            if folders:
                words += ['--vis', root / 'vis', '--ir', root / 'ir']
            return cli.run(lambda: run_fusion([str(word) for word in words]))

        return run

    def outputs(self, root):
        return [
            read(root / 'out' / f'{index:03d}.png')[..., ::-1]
            for index in range(3)
        ]

    def test_features(self, fuse, root):
        assert fuse('--text-features', root / 'text') == 0
        for index, image in enumerate(self.outputs(root)):
            same(image, by_hand(root, index, feature(index, 3 + index)))

    def test_features_of_h5(self, fuse, root):
        path = write_h5(
            root / 'text.h5',
            dict(text={f'{index:03d}': feature(index) for index in range(3)}))
        assert fuse('--text-features', path) == 0
        same(self.outputs(root)[2], by_hand(root, 2, feature(2)))

    def test_captions(self, fuse, root, encoder):
        assert fuse('--captions', root / 'captions.json', '--text-encoder',
                    f'bert={encoder}') == 0
        step = TextOptions(text_encoder=f'BertTextEncoder={encoder}').step()
        same(
            self.outputs(root)[0],
            by_hand(root, 0,
                    step._encoder.features(['two cars'])[0]))

    def test_both(self, fuse, root, encoder):
        (root / 'text' / '002.npy').unlink()
        assert fuse('--text-features', root / 'text', '--captions',
                    root / 'captions.json', '--text-encoder',
                    f'bert={encoder}') == 0
        step = TextOptions(text_encoder=f'bert={encoder}').step()
        images = self.outputs(root)
        same(images[1], by_hand(root, 1, feature(1, 4)))
        same(images[2],
             by_hand(root, 2,
                     step._encoder.features(['a street'])[0]))

    def test_one_pair_without_text(self, fuse, root, capsys):
        (root / 'text' / '001.npy').unlink()
        np.save(root / 'text' / '002.npy', np.full((2, 16), np.nan))
        assert fuse('--text-features', root / 'text') == 1
        text = capsys.readouterr().err
        assert 'failed: 001: ' in text and "stem '001'" in text
        assert 'failed: 002: ' in text and '32 of 32' in text
        assert sorted(p.name for p in (root / 'out').iterdir()) == ['000.png']

    def test_set_of_a_config(self, fuse, root):
        """Images and text of an HDF5 file; a flag changes the text."""
        names = ['000', '001', '002']
        path = write_h5(root / 'pairs.h5', h5_groups(names))
        (root / 'h5.py').write_text(CONFIG + f'''
fusion_dataloader = dict(dataset=dict(
    type='ConcatDataset', datasets=[dict(
        type='FusionH5Dataset', h5_file={path!r}, test_mode=True,
        pipeline=[dict(type='LoadFusionPair'),
                  dict(type='LoadTextFeatures'),
                  dict(type='PackFusionInputs')])]))
''')
        assert fuse(config='h5.py', folders=False) == 0
        first = self.outputs(root)
        np.save(root / 'one.npy', feature(9))
        assert fuse('--text-features', root / 'one.npy', config='h5.py',
                    folders=False) == 0
        second = self.outputs(root)
        groups = h5_groups(names)
        vis, ir = (torch.tensor(groups[group]['001'])[None]
                   for group in ('imageB', 'imageA'))
        for images, text in ((first, groups['text']['001'][0]), (second,
                                                                 feature(9))):
            with torch.no_grad():
                fused = make_model().fuser(vis.expand(
                    -1, 3, -1, -1), ir, text=torch.tensor(text)[None]).luma[0,
                                                                            0]
            same(images[1][..., 0], (255 * fused).round().numpy())
        assert (first[1] != second[1]).any()

    @pytest.mark.parametrize('flags, words', [
        ([], '--text-features FILE_OR_DIR'),
        (['--text-features', 'no/where'], 'no/where'),
        (['--captions', 'no.json', '--text-encoder', 'bert=ENCODER'
          ], 'no.json'),
        (['--captions', 'CAPTIONS', '--text-encoder', 'bert=no/where'
          ], 'Nothing is downloaded'),
        (['--captions', 'CAPTIONS', '--text-encoder', 'gpt=ENCODER'
          ], 'bert, blip2, clip, hash, t5'),
        (['--captions', 'CAPTIONS', '--text-encoder', 'ENCODER'], 'TYPE=DIR'),
    ])
    def test_user_errors(self, fuse, root, encoder, capsys, flags, words):
        places = dict(CAPTIONS=str(root / 'captions.json'), ENCODER=encoder)
        for name, value in places.items():
            flags = [flag.replace(name, value) for flag in flags]
        assert fuse(*flags) == 2
        text = capsys.readouterr().err
        assert text.startswith('error: ') and words in text
        assert not (root / 'out').exists()

    @pytest.mark.parametrize(
        'flags', [['--captions', 'c'], ['--text-encoder', 'bert=d']])
    def test_flags_that_go_together(self, flags, capsys):
        with pytest.raises(SystemExit):
            cli.parse('test_fusion', ['c', 'p', *flags])
        assert '--captions and --text-encoder' in capsys.readouterr().err


def test_encoder_words():
    assert parse_encoder('clip=a=b') == dict(type='clip', folder='a=b')
    for word in ('clip', 'clip=', '=dir', 'other=dir'):
        with pytest.raises(UsageError):
            parse_encoder(word)
    assert TextOptions().step() is None
