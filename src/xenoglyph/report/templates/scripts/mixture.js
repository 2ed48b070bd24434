// The mixture of Gaussians: nearness, what codes are taken for, ellipses.

const { components } = data;

// Squared distance of a code from a component's mean, in its own standard deviations.
const distance = (code, m) => {
  const factor = components.factors[m];
  const solved = [];
  code.forEach((value, i) => {
    const rest = solved.reduce((sum, y, j) => sum - factor[i][j] * y, value - components.means[m][i]);
    solved.push(rest / factor[i][i]);
  });
  return solved.reduce((sum, y) => sum + y * y, 0);
};

// Share of each symbol among images of such a code; null where images have no such code.
const belonging = (code) => {
  const distances = components.weights.map((_, m) => distance(code, m));
  if (Math.min(...distances) > data.draws.far) return null;
  const logs = distances.map((own, m) => components.factors[m].reduce(
    (sum, row, i) => sum - Math.log(row[i]), Math.log(components.weights[m]) - own / 2));
  const highest = Math.max(...logs);
  const mass = logs.map((log) => Math.exp(log - highest));
  const all = mass.reduce((sum, own) => sum + own, 0);
  return components.symbols[0].map((_, s) => mass.reduce((sum, own, m) => sum + own * components.symbols[m][s], 0) / all);
};

// Symbol of which a component holds the largest share.
const symbolOf = components.symbols.map(largest);

// One standard deviation around a component's mean, in two dimensions.
const ellipse = (m, across, up) => {
  const [mean, factor] = [components.means[m], components.factors[m]];
  const covariance = (i, j) => factor[i].reduce((sum, value, k) => sum + value * factor[j][k], 0);
  const a = Math.sqrt(covariance(across, across));
  const b = covariance(across, up) / a;
  const c = Math.sqrt(Math.max(covariance(up, up) - b * b, 0));
  const angles = Array.from({ length: 41 }, (_, i) => (2 * Math.PI * i) / 40);
  return {
    x: angles.map((angle) => mean[across] + a * Math.cos(angle)),
    y: angles.map((angle) => mean[up] + b * Math.cos(angle) + c * Math.sin(angle)),
  };
};
