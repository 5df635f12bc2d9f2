'use strict';

// Runs of methods, first and last place, whose ranks differ by less than the
// critical difference; those inside of another are left out.
function alike(ranks, critical) {
  const groups = [];
  ranks.forEach((rank, first) => {
    const last = ranks.findLastIndex((other) => other - rank < critical);
    if (last > first && (groups.at(-1)?.[1] ?? -1) < last) {
      groups.push([first, last]);
    }
  });
  return groups;
}

// Demsar's diagram: ranks on an axis, names at both sides.
function rankDiagram(items, count, critical, title) {
  const [width, side, top, step] = [900, 230, 46, 20];
  const half = Math.ceil(items.length / 2);
  const groups = alike(items.map((item) => item.rank), critical);
  const names = top + 14 + 8 * groups.length;
  const svg = make('svg', '', {viewBox: `0 0 ${width} ${
    names + step * half + 4}`, role: 'img', 'aria-label': title});
  const place = (rank) => (side + (width - 2 * side) * (rank - 1) /
    Math.max(count - 1, 1)).toFixed(1);
  const line = (x1, y1, x2, y2, attributes) => svg.append(
    make('line', '', {x1, y1, x2, y2, class: 'grid', ...attributes}));
  const text = (words, x, y, anchor = 'middle') => svg.append(
    make('text', words, {x, y, 'text-anchor': anchor}));
  line(place(1), top, place(count), top);
  const every = Math.ceil(count / 12);
  for (let rank = 1; rank <= count; rank += every) {
    line(place(rank), top - 4, place(rank), top);
    text(rank, place(rank), top - 8);
  }
  if (critical) {
    line(place(1), 12, place(Math.min(1 + critical, count)), 12,
      {class: 'bar'});
    text(`critical difference ${critical.toFixed(2)}`, place(1), 26, 'start');
  }
  items.forEach(({name, rank, index}, i) => {
    const left = i < half;
    const y = names + step * (left ? i : items.length - 1 - i) + 10;
    const edge = left ? side - 12 : width - side + 12;
    svg.append(make('polyline', '', {points: `${place(rank)},${top} ${
      place(rank)},${y} ${edge},${y}`, fill: 'none',
    style: `stroke: ${colour(index)}`}));
    text(`${name} ${rank.toFixed(2)}`, left ? edge - 5 : edge + 5, y + 4,
      left ? 'end' : 'start');
  });
  groups.forEach(([first, last], i) => line(place(items[first].rank),
    top + 10 + 8 * i, place(items[last].rank), top + 10 + 8 * i,
    {class: 'bar'}));
  return svg;
}

function drawRanks() {
  const column = chosenPreset().columns.find((item) =>
    item.key === find('ranked').value);
  const ranks = own(own(report.ranks, chosenSet().name), column.key);
  const items = shown().map(({name, index}) =>
    ({name, index, rank: ranks.mean[name]}))
    .sort((a, b) => a.rank - b.rank);
  const count = Object.keys(ranks.mean).length;
  find('ranks').replaceChildren(...items.length ? [rankDiagram(items, count,
    ranks.critical, `Mean ranks of ${column.head}`)] : []);
  find('significance').textContent = ranks.p === null
    ? "Friedman's test needs three methods and two pairs that differ."
    : `Friedman's test over ${chosenSet().pairs} pairs that all ${count} ` +
      `methods are alike: p = ${ranks.p < 1e-4 ? ranks.p.toExponential(1)
        : ranks.p.toFixed(4)}.`;
}
