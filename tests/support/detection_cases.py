"""What tests of detection share: boxes and pairs on disk."""
import json

import cv2
import numpy as np

SIZE = (48, 64)


def marked_pair(boxes, size=SIZE, noise=0):
    """Images that are black but for their boxes: each has a grey value of
    its own, the same in all channels of both modalities."""
    rng = np.random.default_rng(noise)
    grey = rng.integers(0, 1 + 8 * bool(noise), size).astype(np.uint8)
    for number, (x1, y1, x2, y2) in enumerate(boxes, 1):
        grey[y1:y2, x1:x2] = 60 * number
    return np.dstack([grey] * 3), grey


def write_coco(root, images, classes=('person', ), split='train', size=SIZE,
               **entries):
    """Pairs below ``root/<split>/{vis,ir}`` and their JSON.

    Args:
        images (list): Boxes of each image: (x1, y1, x2, y2[, label[,
            iscrowd]]).
        entries: Further entries of each image: name to a list.
    """
    listed, annotations = [], []
    for number, boxes in enumerate(images, 1):
        name = f'{number:03d}.png'
        vis, ir = marked_pair([box[:4] for box in boxes], size, number)
        for folder, image in dict(vis=vis, ir=ir).items():
            path = root / split / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            assert cv2.imwrite(str(path), image)
        listed.append(
            dict(
                id=number, file_name=name, height=size[0], width=size[1], **{
                    key: values[number - 1] for key, values in entries.items()
                }))
        for box in boxes:
            x1, y1, x2, y2, label, crowd = (*box, 0, 0)[:6]
            annotations.append(
                dict(id=len(annotations) + 1, image_id=number,
                     category_id=label + 1, bbox=[x1, y1, x2 - x1, y2 - y1],
                     area=(x2 - x1) * (y2 - y1), iscrowd=crowd))
    path = root / 'annotations' / f'{split}.json'
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        json.dumps(
            dict(
                categories=[
                    dict(id=k, name=name) for k, name in enumerate(classes, 1)
                ], images=listed, annotations=annotations)))
    return path
