// The decoder: codes to sharpened pixels, with the weights of the auto-encoder in Python.

const decode = (() => {
  const { decoder } = data.draws;
  if (!decoder) return null;

  // Weight and bias of each layer, one after the other.
  const bytes = Uint8Array.from(atob(decoder.weights), (letter) => letter.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  const numbers = Float32Array.from({ length: bytes.length / 4 }, (_, i) => view.getFloat32(4 * i, true));
  let taken = 0;
  const take = (count) => numbers.subarray(taken, (taken += count));
  const layers = decoder.layers.map((layer) => ({
    ...layer,
    weight: take(layer.shape.reduce((product, side) => product * side, 1)),
    bias: take(layer.shape.at(-1)),
  }));

  // Adds `value` times a row of the weight.
  const add = (sums, value, weight, row) => {
    const first = row * sums.length;
    for (let j = 0; j < sums.length; j += 1) sums[j] += value * weight[first + j];
  };

  const dense = ({ weight, bias }, x) => {
    const sums = Float64Array.from(bias);
    x.forEach((value, i) => add(sums, value, weight, i));
    return sums;
  };

  // A convolution of 3 x 3 with zeros around, whose channels are those of four pixels.
  const doubling = ({ weight, bias, from: [height, width, channels], sides: [tall, wide] }, x) => {
    const four = bias.length / 4;
    const large = new Float64Array(tall * wide * four);
    for (let row = 0; row < height; row += 1) {
      for (let column = 0; column < width; column += 1) {
        const sums = Float64Array.from(bias);
        for (let k = 0; k < 9; k += 1) {
          const [r, c] = [row + Math.floor(k / 3) - 1, column + (k % 3) - 1];
          if (r < 0 || c < 0 || r >= height || c >= width) continue;
          for (let i = 0; i < channels; i += 1) {
            add(sums, x[(r * width + c) * channels + i], weight, k * channels + i);
          }
        }
        for (let k = 0; k < 4; k += 1) {
          const [r, c] = [2 * row + (k >> 1), 2 * column + (k & 1)];
          if (r < tall && c < wide) large.set(sums.subarray(k * four, (k + 1) * four), (r * wide + c) * four);
        }
      }
    }
    return large;
  };

  const selu = (x) => 1.0507009873554805 * (x > 0 ? x : 1.6732632423543772 * Math.expm1(x));
  const picture = {
    bernoulli: (x) => 1 / (1 + Math.exp(-x)),
    gaussian: (x) => Math.min(Math.max(x, 0), 1),
  }[decoder.loss];

  const { power, odds } = decoder;
  const sharpened = (x) => {
    const [ink, paper] = [odds * x ** power, (1 - x) ** power];
    return ink / (ink + paper);
  };

  return (code) => layers.reduce((x, layer, number) => {
    const y = (layer.from ? doubling : dense)(layer, x);
    return y.map(number < layers.length - 1 ? selu : picture);
  }, code).map(sharpened);
})();

// Draws the image of a code on a canvas, in 256 levels, rounded as NumPy rounds.
const paint = (canvas, code) => {
  const [height, width, channels = 1] = data.draws.decoder.image_shape;
  const pixels = decode(code);
  const image = new ImageData(width, height);
  for (let i = 0; i < width * height; i += 1) {
    for (let c = 0; c < 4; c += 1) {
      const level = channels === 1 ? pixels[i] : pixels[i * channels + c];
      image.data[4 * i + c] = 255 * (c < 3 || channels === 4 ? level : 1);
    }
  }
  Object.assign(canvas, { width, height });
  canvas.getContext("2d").putImageData(image, 0, 0);
};
