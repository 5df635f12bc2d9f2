"""Fusion metrics written down from their definitions, one by one.

Direct two-dimensional convolutions, a joint histogram for every pair, loops
over blocks where the definition loops, nothing shared between metrics: what
an evaluation script of the field computes. Float64 images (H, W), 0 to 255;
``a`` is the infrared, ``b`` the visible image.
"""
import numpy as np
from scipy.signal import convolve2d

_SOBEL_X = np.array([[-1., 0., 1.], [-2., 0., 2.], [-1., 0., 1.]])
_SOBEL_Y = np.array([[1., 2., 1.], [0., 0., 0.], [-1., -2., -1.]])


def gaussian(size, sigma):
    """Normalized (size, size) window."""
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    kernel = np.exp(-(x * x + y * y) / (2 * sigma * sigma))
    return kernel / kernel.sum()


def stretch(image):
    """Range mapped to 0..255, rounded."""
    low, high = image.min(), image.max()
    return np.floor((image - low) / (high - low) * 255 + 0.5)


# ------------------------------------------------------------- one image
def entropy(fused, a, b):
    counts, _ = np.histogram(fused, bins=256, range=(0, 256))
    share = counts / counts.sum()
    return -np.sum(share * np.log2(share + (share == 0)))


def standard_deviation(fused, a, b):
    return np.sqrt(np.mean((fused - fused.mean())**2))


def spatial_frequency(fused, a, b):
    return np.sqrt(
        np.mean((fused[:, 1:] - fused[:, :-1])**2) +
        np.mean((fused[1:] - fused[:-1])**2))


def average_gradient(fused, a, b):
    down, along = np.gradient(fused)
    return np.mean(np.sqrt((down**2 + along**2) / 2))


def edge_intensity(fused, a, b):
    padded = np.pad(fused, 1, mode='edge')
    x = convolve2d(padded, _SOBEL_X, mode='valid')
    y = convolve2d(padded, _SOBEL_Y, mode='valid')
    return np.mean(np.sqrt(x * x + y * y))


# ----------------------------------------------- histograms and statistics
def mutual_information(fused, a, b):
    """Nats; the images' values are the labels of two clusterings."""

    def information(x, y):
        levels_x, x = np.unique(x, return_inverse=True)
        levels_y, y = np.unique(y, return_inverse=True)
        joint, _, _ = np.histogram2d(x.ravel(), y.ravel(),
                                     bins=(len(levels_x), len(levels_y)))
        joint = joint / joint.sum()
        product = joint.sum(1)[:, None] * joint.sum(0)[None]
        live = joint > 0
        return np.sum(joint[live] * np.log(joint[live] / product[live]))

    return information(fused, a) + information(fused, b)


def mutual_information_by_pixels(fused, a, b):
    """The same of stretched images; pixels are counted one after another."""

    def information(x, y):
        joint = np.zeros((256, 256))
        for row in range(x.shape[0]):
            for column in range(x.shape[1]):
                joint[int(x[row, column]), int(y[row, column])] += 1
        joint /= joint.sum()
        product = joint.sum(1)[:, None] * joint.sum(0)[None]
        live = joint > 0
        return np.sum(joint[live] * np.log(joint[live] / product[live]))

    fused, a, b = stretch(fused), stretch(a), stretch(b)
    return information(fused, a) + information(fused, b)


def cross_entropy(fused, a, b):

    def divergence(source):
        p, _ = np.histogram(source, bins=256, range=(0, 256))
        q, _ = np.histogram(fused, bins=256, range=(0, 256))
        p, q = p / p.sum(), q / q.sum()
        live = (p > 0) & (q > 0)
        return np.sum(p[live] * np.log2(p[live] / q[live]))

    return (divergence(a) + divergence(b)) / 2


def mean_squared_error(fused, a, b):
    return (np.mean((a - fused)**2) + np.mean((b - fused)**2)) / 2


def root_mean_squared_error(fused, a, b):
    """VIFB's: norms divided by the area."""
    area = fused.size
    return (np.sqrt(np.sum(
        (a - fused)**2)) / area + np.sqrt(np.sum((b - fused)**2)) / area) / 2


def peak_signal_to_noise(fused, a, b):
    return 10 * np.log10(fused.max()**2 / mean_squared_error(fused, a, b))


def peak_signal_to_noise_vifb(fused, a, b):
    return 20 * np.log10(255 / np.sqrt(root_mean_squared_error(fused, a, b)))


def _correlation(x, y):
    x, y = x - x.mean(), y - y.mean()
    return np.sum(x * y) / np.sqrt(np.sum(x * x) * np.sum(y * y))


def correlation(fused, a, b):
    return (_correlation(a, fused) + _correlation(b, fused)) / 2


def difference_correlations(fused, a, b):
    return _correlation(fused - b, a) + _correlation(fused - a, b)


# -------------------------------------------------------------- structure
def _ssim(x, y, kernel, sample):
    c1, c2 = (0.01 * 255)**2, (0.03 * 255)**2

    def filtered(image):
        return convolve2d(image, kernel, mode='valid')

    mean_x, mean_y = filtered(x), filtered(y)
    var_x = sample * (filtered(x * x) - mean_x**2)
    var_y = sample * (filtered(y * y) - mean_y**2)
    covariance = sample * (filtered(x * y) - mean_x * mean_y)
    return np.mean(((2 * mean_x * mean_y + c1) * (2 * covariance + c2)) /
                   ((mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2)))


def ssim_film(fused, a, b):
    kernel = np.full((7, 7), 1 / 49)
    return (_ssim(fused, a, kernel, 49 / 48) +
            _ssim(fused, b, kernel, 49 / 48))


def ssim_gauss(fused, a, b):
    kernel = gaussian(11, 1.5)
    return _ssim(fused, a, kernel, 1.) + _ssim(fused, b, kernel, 1.)


# ------------------------------------------------------ gradient transfer
def _gradient(image):
    x = convolve2d(image, _SOBEL_X, mode='same')
    y = convolve2d(image, _SOBEL_Y, mode='same')
    angle = np.full(image.shape, np.pi / 2)
    live = x != 0
    angle[live] = np.arctan(y[live] / x[live])
    return np.sqrt(x * x + y * y), angle


def gradient_transfer(fused, a, b):
    strength_f, angle_f = _gradient(fused)

    def quality(source):
        strength, angle = _gradient(source)
        larger = np.maximum(strength, strength_f)
        smaller = np.minimum(strength, strength_f)
        ratio = np.where(larger == smaller, strength_f,
                         smaller / np.where(larger == 0, 1, larger))
        alignment = 1 - np.abs(angle - angle_f) / (np.pi / 2)
        kept = (0.9994 / (1 + np.exp(-15 * (ratio - 0.5))) * 0.9879 /
                (1 + np.exp(-22 * (alignment - 0.8))))
        return kept, strength

    kept_a, weight_a = quality(a)
    kept_b, weight_b = quality(b)
    return (np.sum(kept_a * weight_a + kept_b * weight_b) /
            np.sum(weight_a + weight_b))


# ---------------------------------------------------------- human vision
def _vif(reference, image):
    epsilon, over, under = 1e-10, 0., 0.
    for scale in range(1, 5):
        size = 2**(4 - scale + 1) + 1
        kernel = gaussian(size, size / 5)
        if scale > 1:
            reference = convolve2d(reference, kernel, mode='valid')[::2, ::2]
            image = convolve2d(image, kernel, mode='valid')[::2, ::2]
        mean_r = convolve2d(reference, kernel, mode='valid')
        mean_i = convolve2d(image, kernel, mode='valid')
        var_r = convolve2d(reference * reference, kernel,
                           mode='valid') - mean_r * mean_r
        var_i = convolve2d(image * image, kernel, mode='valid') \
            - mean_i * mean_i
        covariance = convolve2d(reference * image, kernel,
                                mode='valid') - mean_r * mean_i
        var_r[var_r < 0] = 0
        var_i[var_i < 0] = 0
        gain = covariance / (var_r + epsilon)
        noise = var_i - gain * covariance
        flat = var_r < epsilon
        gain[flat] = 0
        noise[flat] = var_i[flat]
        var_r[flat] = 0
        flat = var_i < epsilon
        gain[flat] = 0
        noise[flat] = 0
        negative = gain < 0
        noise[negative] = var_i[negative]
        gain[negative] = 0
        noise[noise <= epsilon] = epsilon
        over += np.sum(np.log10(1 + gain**2 * var_r / (noise + 2)))
        under += np.sum(np.log10(1 + var_r / 2))
    return over / under


def visual_fidelity(fused, a, b):
    return _vif(a, fused) + _vif(b, fused)


def _radius(shape, cycles):
    height, width = shape
    v = np.fft.fftshift(np.fft.fftfreq(height)) * 2 * height / cycles
    u = np.fft.fftshift(np.fft.fftfreq(width)) * 2 * width / cycles
    return np.hypot(*np.meshgrid(u, v))


def chen_blum(fused, a, b):

    def contrast(image):
        r = _radius(image.shape, 30)
        sensitivity = (np.exp(-(r / 15.387)**2) -
                       0.7622 * np.exp(-(r / 1.3456)**2))
        spectrum = np.fft.fftshift(np.fft.fft2(stretch(image)))
        seen = np.real(np.fft.ifft2(np.fft.ifftshift(spectrum * sensitivity)))
        y, x = np.mgrid[-15:16, -15:16]
        narrow, wide = (convolve2d(
            seen,
            np.exp(-(x * x + y * y) / (2 * s * s)) / (2 * np.pi * s * s),
            mode='same') for s in (2, 4))
        local = np.abs(narrow / wide - 1)
        return local**3 / (local**2 + 1e-4)

    c_f, c_a, c_b = contrast(fused), contrast(a), contrast(b)
    kept_a = np.minimum(c_a, c_f) / np.maximum(c_a, c_f)
    kept_b = np.minimum(c_b, c_f) / np.maximum(c_b, c_f)
    return np.mean((c_a**2 * kept_a + c_b**2 * kept_b) / (c_a**2 + c_b**2))


def chen_varshney(fused, a, b):
    size = 16
    fused, a, b = stretch(fused), stretch(a), stretch(b)

    def blocks(image):
        height, width = (-(-side // size) * size for side in image.shape)
        padded = np.zeros((height, width))
        padded[:image.shape[0], :image.shape[1]] = image
        for y in range(0, height, size):
            for x in range(0, width, size):
                yield padded[y:y + size, x:x + size]

    def saliency(image):
        strength, _ = _gradient(image)
        return np.array([np.sum(block**5) for block in blocks(strength)])

    def distance(source):
        r = _radius(source.shape, 8)
        sensitivity = 2.6 * (0.0192 + 0.144 * r) * np.exp(-(0.144 * r)**1.1)
        spectrum = np.fft.fftshift(np.fft.fft2(source - fused))
        seen = np.real(np.fft.ifft2(np.fft.ifftshift(spectrum * sensitivity)))
        return np.array([np.mean(block**2) for block in blocks(seen)])

    weight_a, weight_b = saliency(a), saliency(b)
    return (np.sum(weight_a * distance(a) + weight_b * distance(b)) /
            np.sum(weight_a + weight_b))


#: sets as published tables have them: key of ours -> function
FILM = {
    'EN': entropy,
    'SD': standard_deviation,
    'SF': spatial_frequency,
    'AG': average_gradient,
    'MI:nats': mutual_information,
    'MSE': mean_squared_error,
    'CC': correlation,
    'PSNR:film': peak_signal_to_noise,
    'SCD': difference_correlations,
    'VIF': visual_fidelity,
    'Qabf': gradient_transfer,
    'SSIM:film': ssim_film,
}
TABLE = {key: FILM[key] for key in ('EN', 'SD', 'SF', 'AG', 'VIF', 'Qabf')}
VIFB = {
    'CE': cross_entropy,
    'EN': entropy,
    'MI:vifb': mutual_information_by_pixels,
    'PSNR:vifb': peak_signal_to_noise_vifb,
    'AG': average_gradient,
    'EI': edge_intensity,
    'Qabf': gradient_transfer,
    'SD': standard_deviation,
    'SF': spatial_frequency,
    'RMSE:vifb': root_mean_squared_error,
    'SSIM': ssim_gauss,
    'QCB': chen_blum,
    'QCV': chen_varshney,
}
