"""Parts of the benchmark of methods: its segmentor and its crops."""
import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from PIL import Image

from mmfusion.analysis.method_benchmark import segmentation, strips
from mmfusion.apis.model_loading import init_model
from mmfusion.cli.legacy import UsageError
from mmfusion.datasets.sets.mfnet import MFNET_CLASSES
from tests.support import tiny_project


def areas_of(segmentor, image, labels):
    """What is counted in one file."""
    pair, = segmentor.reader([
        image
    ]).run(lambda pairs: [segmentor.areas(pair, labels) for pair in pairs])
    if pair.error is not None:
        raise pair.error
    return pair.result


class TestSegmentor:

    @pytest.fixture
    def ours(self, trained):
        return segmentation.Segmentor(f'{trained}/configs/fusers/stage2.py',
                                      f'{trained}/stage2/iter_2.pth')

    def test_looks_at_the_image_alone(self, ours, tmp_path):
        """What the model's segmentor says of this very image."""
        tiny_project.write_pairs(tmp_path, 1)
        vis, labels = (tmp_path / kind / '000.png'
                       for kind in ('vis', 'labels'))
        rgb = cv2.imread(str(vis))[..., ::-1].copy()
        truth = cv2.imread(str(labels), -1)
        areas = areas_of(ours, str(vis), str(labels))
        model = ours.model
        inputs = torch.from_numpy(rgb).permute(2, 0, 1)[None] / 255
        with torch.no_grad():
            logits = model.segmentor._forward(model.task_norm(inputs))
        guess = torch.nn.functional.interpolate(
            logits, truth.shape, mode='bilinear').argmax(1)[0].numpy()
        for index in range(9):
            assert areas[f'intersect.{index}'] == ((guess == index) &
                                                   (truth == index)).sum()
            assert areas[f'union.{index}'] == ((guess == index) |
                                               (truth == index)).sum()

    def test_a_plain_mmseg_model_counts_the_same(self, ours, trained,
                                                 tmp_path):
        tiny_project.write_pairs(tmp_path, 1)
        segmentor = Config.fromfile(
            trained / 'configs/fusers/stage2.py').model.segmentor.to_dict()
        pipeline = [
            dict(type='LoadImageFromFile'),
            dict(type='Resize', scale=(56, 40), keep_ratio=True),
            dict(type='LoadAnnotations'),
            dict(type='PackSegInputs')
        ]
        dataset = dict(type='BaseSegDataset', pipeline=pipeline)
        Config(
            dict(default_scope='mmseg', model=segmentor,
                 test_dataloader=dict(dataset=dataset))).dump(tmp_path /
                                                              'seg.py')
        state = torch.load(trained / 'stage2/iter_2.pth',
                           weights_only=False)['state_dict']
        torch.save(
            dict(
                meta=dict(dataset_meta=dict(classes=tuple('abcdefghi'))),
                state_dict={
                    key.removeprefix('segmentor.'): value
                    for key, value in state.items()
                    if key.startswith('segmentor.')
                }), tmp_path / 'seg.pth')
        theirs = segmentation.Segmentor(str(tmp_path / 'seg.py'),
                                        str(tmp_path / 'seg.pth'))
        files = [
            str(tmp_path / kind / '000.png') for kind in ('vis', 'labels')
        ]
        assert areas_of(theirs, *files) == areas_of(ours, *files)
        assert theirs.classes == list('abcdefghi')

    def test_bad_labels(self, ours, tmp_path):
        tiny_project.write_pairs(tmp_path, 1)
        files = [
            str(tmp_path / kind / '000.png') for kind in ('vis', 'labels')
        ]
        labels = cv2.imread(files[1], -1)
        cv2.imwrite(files[1], labels + 5)
        with pytest.raises(ValueError, match='labels below 9.* got 13'):
            areas_of(ours, *files)
        cv2.imwrite(files[1], labels[:20])
        with pytest.raises(ValueError, match="label map of the image's size"):
            areas_of(ours, *files)

    @pytest.mark.parametrize('rule', [
        dict(reduce_zero_label=True),
        dict(metainfo=dict(classes=MFNET_CLASSES[1:]))
    ])
    def test_labels_mean_what_its_data_set_says(self, trained, tmp_path, rule):
        config = tmp_path / 'reduced.py'
        config.write_text(
            f'_base_ = "{trained}/configs/fusers/stage2.py"\n'
            'model = dict(segmentor=dict(decode_head=dict(num_classes=8)))\n'
            f'test_dataloader = dict(dataset={rule})\n')
        model = init_model(config, optimize=False)
        torch.save(model.state_dict(), tmp_path / 'reduced.pth')
        reduced = segmentation.Segmentor(str(config),
                                         str(tmp_path / 'reduced.pth'))
        assert reduced.classes == list(MFNET_CLASSES[1:])
        assert {'reduce_zero_label', 'label_map'} & set(reduced.settings())
        tiny_project.write_pairs(tmp_path, 1)
        vis, path = (str(tmp_path / kind / '000.png')
                     for kind in ('vis', 'labels'))
        stored = cv2.imread(path, -1) // 2  # nothing above 'curve'
        image = Image.fromarray(stored, 'P')
        image.putpalette(list(range(30, 60)))
        image.save(path)
        areas = areas_of(reduced, vis, path)
        pair, = reduced.reader([vis]).run(lambda pairs: [
            reduced.model.test_step(pseudo_collate([pair.item]))
            for pair in pairs
        ])
        guess = pair.result[0].pred_sem_seg.data[0].numpy() + 1
        for index in range(8):
            truth = stored == index + 1
            mine = (guess == index + 1) & (stored > 0)
            assert areas[f'intersect.{index}'] == (truth & mine).sum()
            assert areas[f'union.{index}'] == (truth | mine).sum()

    def test_another_number_of_classes(self, trained, tmp_path):
        config = tmp_path / 'five.py'
        config.write_text(
            f'_base_ = "{trained}/configs/fusers/stage2.py"\n'
            'model = dict(segmentor=dict(decode_head=dict(num_classes=5)))\n')
        torch.save(
            init_model(config, optimize=False).state_dict(),
            tmp_path / 'five.pth')
        with pytest.raises(UsageError, match='of 5 classes.* got 9: unlab'):
            segmentation.Segmentor(str(config), str(tmp_path / 'five.pth'))

    def test_a_fuser_is_no_segmentor(self, trained):
        with pytest.raises(UsageError, match='got ImageFuser'):
            segmentation.Segmentor(f'{trained}/configs/fusers/stage1.py',
                                   f'{trained}/stage1/iter_2.pth')

    def test_iou_of_several_images(self):
        areas = [{
            'intersect.0': 2,
            'union.0': 4,
            'intersect.1': 0,
            'union.1': 0
        }, {
            'intersect.0': 1,
            'union.0': 2,
            'intersect.1': 0,
            'union.1': 0
        }]
        assert segmentation.class_iou(areas, 2) == [50, None]


class TestCrops:

    def test_lie_where_the_sources_vary(self):
        rng = np.random.RandomState(0)
        vis, ir = (np.full((100, 150), 90, np.uint8) for _ in range(2))
        ir[10:30, 20:50] = rng.randint(0, 255, (20, 30))
        vis[60:80, 100:130] = rng.randint(0, 255, (20, 30))
        vis[12:30, 22:50] = rng.randint(60, 200, (18, 28))
        assert strips.choose_crops(vis, ir) == [(20, 10, 30, 20),
                                                (100, 60, 30, 20)]

    @pytest.mark.parametrize('size', [(1, 1), (3, 4), (37, 300)])
    def test_stay_inside_of_any_image(self, size):
        image = np.random.RandomState(0).randint(0, 255, size, np.uint8)
        for left, top, width, height in strips.choose_crops(image, image):
            assert left >= 0 and left + width <= size[1] and width >= 1
            assert top >= 0 and top + height <= size[0] and height >= 1
        html = strips.pair_strip('<a>', dict(vis=image, ir=image),
                                 {'"b"': image})
        assert '&lt;a&gt;' in html and '&quot;b&quot;' in html
        assert html.count('<img') == 9
