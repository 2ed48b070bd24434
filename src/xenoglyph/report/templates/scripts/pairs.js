// The space of codes: every pair of dimensions, coloured by group.

const space = { by: "symbol", alone: new Set() };
const d = data.codes.length;
const panels = Array.from({ length: d }, (_, row) => Array.from({ length: row }, (_, column) => [column, row])).flat();
const isShown = (group) => !space.alone.size || space.alone.has(group);

// The codes' own pairs come in the order (0, 1), (0, 2), ...: the first of a pair along the rows.
const pairNumber = (low, high) => low * d - (low * (low + 1)) / 2 + high - low - 1;
const onAxes = ([column, row]) => ({ xaxis: `x${column + 1}`, yaxis: `y${row + 1}` });

const paints = (size) => {
  const { index } = data.groups[space.by];
  return {
    size: index.map((group) => (isShown(group) ? size : size * 0.7)),
    color: index.map((group) => (isShown(group) ? colourOf(group) : variable("--line"))),
    symbol: index.map((group) => markers[markerOf(group)]),
    line: { width: 0 },
    opacity: 0.85,
  };
};

// One axis across for each column of panels and one up for each row; the histograms on the
// diagonal have their own counts.
const pairsLayout = (side) => {
  const gap = 0.012;
  const domain = (place) => [place / d + (place ? gap / 2 : 0), (place + 1) / d - gap / 2];
  const layout = { height: side, margin: { t: 4, r: 4, b: 40, l: 44 }, bargap: 0, dragmode: "zoom" };
  const quiet = side < 600 ? { showticklabels: false } : { nticks: 4, tickfont: { size: 10 } };
  for (let i = 0; i < d; i += 1) {
    layout[`xaxis${i + 1}`] = axis(`code ${i}`, { domain: domain(i), anchor: `y${d > 1 ? d : 2}`, ...quiet });
    layout[`yaxis${i + 1}`] = axis(i ? `code ${i}` : "", {
      domain: domain(d - 1 - i), anchor: "x1", matches: `x${i + 1}`, ...quiet,
    });
    layout[`yaxis${d + i + 1}`] = {
      domain: domain(d - 1 - i), anchor: `x${i + 1}`, showticklabels: false, showgrid: false, zeroline: false, fixedrange: true,
    };
  }
  return layout;
};

const bins = (i) => {
  const [low, high] = data.counts.edges[i];
  const width = (high - low) / data.counts.single[i].length;
  return [low + width / 2, width];
};

const histograms = () => data.counts.single.map((counts, i) => {
  const [first, width] = bins(i);
  return {
    type: "bar", x: counts.map((_, bin) => first + bin * width), y: counts, width, hoverinfo: "skip",
    xaxis: `x${i + 1}`, yaxis: `y${d + i + 1}`, marker: { color: variable("--bars") },
  };
});

// All codes, of which the dots are some: the darker the more.
const densities = () => panels.map(([column, row]) => {
  const [[x0, dx], [y0, dy]] = [bins(column), bins(row)];
  const counts = data.counts.pairs[pairNumber(column, row)];
  return {
    type: "heatmap", x0, dx, y0, dy, z: counts.map((line) => line.map(Math.log1p)), transpose: true,
    ...onAxes([column, row]), zmin: 0, showscale: false, hoverinfo: "skip",
    colorscale: [[0, "rgba(127,142,156,0)"], [1, "rgba(127,142,156,0.8)"]],
  };
});

const dots = (size) => {
  const marker = paints(size);
  return panels.map(([column, row]) => ({
    type: "scatter", mode: "markers", x: data.codes[column], y: data.codes[row],
    ...onAxes([column, row]), hoverinfo: "none", marker,
  }));
};

// The colour of a component's ellipse: no component belongs to a label.
const colourOfComponent = {
  symbol: (m) => isShown(symbolOf[m]) && colourOf(symbolOf[m]),
  component: (m) => isShown(m) && colourOf(m),
  label: () => variable("--ink"),
};

// Components of one colour share a trace in each panel; a wider line below makes them stand out.
const ellipses = () => {
  const groups = new Map();
  components.weights.forEach((_, m) => {
    const colour = colourOfComponent[space.by](m);
    if (colour) groups.set(colour, [...(groups.get(colour) || []), m]);
  });
  return panels.flatMap(([column, row]) => [...groups].flatMap(([color, own]) => {
    const lines = own.map((m) => ellipse(m, column, row));
    const [x, y] = ["x", "y"].map((key) => lines.flatMap((line) => [...line[key], null]));
    const trace = { type: "scatter", mode: "lines", x, y, ...onAxes([column, row]), hoverinfo: "skip" };
    return [
      { ...trace, opacity: 0.6, line: { color: variable("--paper"), width: 3.5 } },
      { ...trace, line: { color, width: 1.5 } },
    ];
  }));
};

const pairs = () => {
  const width = Math.min(paperWidth || Infinity, element("pairs").parentElement.clientWidth - 40);
  const side = Math.max(300, Math.min(width, 1060, 240 * Math.max(d, 2)));
  const dense = element("densities")?.checked;
  return plot("pairs", [
    ...histograms(),
    ...(dense ? densities() : []),
    ...dots(Math.max(2, Math.min(6, side / d / 42))),
    ...(element("ellipses").checked ? ellipses() : []),
  ], pairsLayout(side));
};
plots.push(pairs);

const swatch = (group) => {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  svg.setAttribute("viewBox", "0 0 12 12");
  svg.setAttribute("aria-hidden", "true");
  path.setAttribute("d", outlines[markerOf(group)]);
  path.setAttribute("fill", colourOf(group));
  svg.append(path);
  return svg;
};

const legend = () => {
  const { names, index } = data.groups[space.by];
  const buttons = unique(index).sort((a, b) => a - b).map((group) => {
    const [button, name] = [document.createElement("button"), document.createElement("span")];
    name.textContent = names[group];
    button.type = "button";
    button.setAttribute("aria-pressed", String(space.alone.has(group)));
    button.append(swatch(group), name);
    button.addEventListener("click", () => {
      if (!space.alone.delete(group)) space.alone.add(group);
      button.setAttribute("aria-pressed", String(space.alone.has(group)));
      pairs();
    });
    return button;
  });
  element("legend").replaceChildren(...buttons);
};
