const report = JSON.parse(document.getElementById('report').textContent);
const find = (id) => document.getElementById(id);
// names such as 'constructor' are no properties of their own
const own = (object, name) =>
  Object.hasOwn(object ?? {}, name) ? object[name] : undefined;
const DASHES = ['', '7 3', '2 2'];
const COLOURS = 8;
const hidden = new Set(); // names of methods that the reader left out
// column that rows are sorted by, and whether the best come first
let order = {key: 'method', best: true};

function make(tag, text = '', attributes = {}) {
  const svg = ['svg', 'polyline', 'line', 'text', 'circle', 'title'];
  const node = svg.includes(tag)
    ? document.createElementNS('http://www.w3.org/2000/svg', tag)
    : document.createElement(tag);
  node.textContent = text;
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null) node.setAttribute(name, value);
  }
  return node;
}

const chosenSet = () => report.sets[find('set').value];
const chosenPreset = () => report.presets[find('preset').value];

const costsOf = (name) =>
  report.methods.find((method) => method.name === name).costs;
// Methods of the set that the reader has not left out, with their places.
const shown = () => report.methods
  .map((method, index) => ({...method, index}))
  .filter((method) => own(own(report.values, chosenSet().name), method.name)
    && !hidden.has(method.name));

function statistics(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const count = sorted.length;
  const mean = sorted.reduce((sum, value) => sum + value, 0) / count;
  const middle = (sorted[(count - 1) >> 1] + sorted[count >> 1]) / 2;
  const square = sorted.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return {sorted, mean, median: middle, std: Math.sqrt(square / count)};
}

function metricColumns() {
  const values = own(report.values, chosenSet().name);
  return chosenPreset().columns.map((column) => {
    const better = {'1': 'higher', '-1': 'lower', '0': 'closer to 0'};
    const known = new Map(shown().map((method) => {
      const list = own(own(values, method.name), column.key) ?? [];
      return [method.name, list.length ? statistics(list) : null];
    }));
    return {
      key: column.key, head: column.head, arrow: column.arrow,
      better: column.better, mark: column.label ? '†' : '', ranked: true,
      hint: `${column.variant}, ${column.channels}: ${column.reference}. ` +
        `${better[column.better]} is better` +
        (column.label ? `. † ${column.label}` : ''),
      known,
      value: (name) => known.get(name)?.mean ?? null,
      detail: (name) => known.get(name) && `median ${
        number(known.get(name).median, 4)}, standard deviation ${
        number(known.get(name).std, 4)}`,
    };
  });
}

function otherColumns() {
  const cost = (key, head, unit, factor, hint) => ({
    key, head: `${head} (${unit})`, arrow: '↓', better: -1, mark: '', hint,
    value: (name) => {
      const cost = costsOf(name)?.[key] ?? null;
      return cost === null ? null : cost / factor;
    },
    detail: () => '',
  });
  const {shape, device, threads, runs} = report.setting;
  const size = `one pair of ${shape[0]}x${shape[1]}`;
  const columns = [
    cost('latency_ms', 'latency', 'ms', 1,
      `Fuser alone, ${size}, float32, ${device}, ${threads} thread(s), ` +
      `median of ${runs} runs`),
    cost('memory_mib', 'memory', 'MiB', 1,
      'Most that such a pass takes beyond weights and inputs'),
    cost('parameters', 'parameters', 'M', 1e6, 'Weights of the fuser'),
    cost('flops', 'FLOPs', 'G', 1e9,
      `Convolutions and matrix products, ${size}; a multiply-add counts ` +
      'as two, elementwise operations as none'),
  ];
  const scores = own(report.segmentation, chosenSet().name);
  if (scores) {
    columns.unshift({
      key: 'miou', head: 'mIoU (%)', arrow: '↑', better: 1, mark: '',
      ranked: true,
      hint: `Mean IoU of ${report.setting.segmentor} on the fused images`,
      value: (name) => own(scores, name)?.mean ?? null,
      detail: (name) => own(scores, name) && report.setting.classes
        .map((label, i) => [label, own(scores, name).classes[i]])
        .filter(([, iou]) => iou !== null)
        .map(([label, iou]) => `${label} ${iou.toFixed(1)}`).join(', '),
    });
  }
  const ranks = own(report.ranks, chosenSet().name);
  const keys = chosenPreset().columns.map((column) => column.key);
  columns.unshift({
    key: 'rank', head: 'rank', arrow: '↓', better: -1, mark: '', ranked: true,
    first: true, hint: 'Mean over the columns of the mean rank over the ' +
      'pairs, among all methods of the set; 1 is best',
    value: (name) => keys.reduce((sum, key) =>
      sum + own(ranks, key).mean[name], 0) / keys.length,
    detail: () => '',
  });
  return columns;
}

const number = (value, digits) => value ? value.toFixed(digits) : '0';

function digitsOf(values) {
  const top = Math.max(...values.map(Math.abs), 1e-9);
  return Math.min(4, Math.max(0, 3 - Math.floor(Math.log10(top))));
}

// Small is good.
function badness(column, name) {
  const value = column.value(name);
  if (value === null) return Infinity;
  return column.better ? -column.better * value : Math.abs(value);
}

function sortedNames(columns) {
  const names = shown().map((method) => method.name);
  const column = columns.find((item) => item.key === order.key);
  if (!column) {
    if (!order.best) names.reverse();
    return names;
  }
  const sign = order.best ? 1 : -1;
  return names.sort((a, b) => {
    const [left, right] = [badness(column, a), badness(column, b)];
    if (left === right) return 0;
    if (left === Infinity || right === Infinity) return left - right;
    return sign * (left - right);
  });
}

function sortBy(key) {
  order = {key, best: order.key === key ? !order.best : true};
  drawTable();
}

function headCell(column) {
  const cell = make('th', '', {
    scope: 'col', title: column.hint, class: column.first ? 'first' : null});
  const button = make('button', column.head + column.mark, {
    type: 'button', 'data-key': column.key, 'aria-label':
      `${column.head}: ${column.hint}. Sort by it.`});
  if (column.arrow) button.append(` ${column.arrow}`);
  button.addEventListener('click', () => sortBy(column.key));
  if (column.key === order.key) {
    const rising = column.better === 1 ? !order.best : order.best;
    cell.setAttribute('aria-sort', rising ? 'ascending' : 'descending');
  }
  cell.append(button);
  return cell;
}

function drawTable() {
  const columns = [...metricColumns(), ...otherColumns()];
  if (order.key !== 'method' &&
      !columns.some((column) => column.key === order.key)) {
    order = {key: 'method', best: true};
  }
  const focused = document.activeElement?.dataset?.key;
  const title = {key: 'method', head: 'method', arrow: '', mark: '',
    better: 0, hint: 'In the order in which they were given'};
  const head = make('tr');
  head.append(...[title, ...columns].map(headCell));
  const body = sortedNames(columns).map((name) => {
    const row = make('tr');
    const method = report.methods.find((item) => item.name === name);
    row.append(make('td', name, {title: method.source}));
    return row;
  });
  for (const column of columns) {
    const names = body.map((row) => row.firstChild.textContent);
    const values = names.map((name) => column.value(name));
    const given = values.filter((value) => value !== null);
    const digits = digitsOf(given);
    const best = Math.min(...names.map((name) => badness(column, name)));
    body.forEach((row, index) => {
      const cell = make('td', '', {
        title: column.detail(names[index]) || null,
        class: column.first ? 'first' : null});
      const value = values[index];
      const text = value === null ? '–' : number(value, digits);
      const wins = column.ranked && value !== null &&
        badness(column, names[index]) === best;
      cell.append(wins ? make('b', text) : text);
      row.append(cell);
    });
  }
  find('table').tHead.replaceChildren(head);
  find('table').tBodies[0].replaceChildren(...body);
  if (focused) {
    find('table').querySelector(`[data-key="${CSS.escape(focused)}"]`)
      ?.focus();
  }
  const column = columns.find((item) => item.key === order.key);
  find('sorted').textContent = column
    ? `Sorted by ${column.head}, ${order.best ? 'best' : 'worst'} first.`
    : '';
}

function drawColumns() {
  const columns = chosenPreset().columns;
  find('columns').tBodies[0].replaceChildren(...columns.map((column) => {
    const row = make('tr');
    const words = {'1': 'higher ↑', '-1': 'lower ↓', '0': 'closer to 0'};
    const reference = column.reference +
      (column.label ? ` († ${column.label})` : '');
    row.append(...[column.head, `${column.variant}, ${column.channels}`,
      words[column.better], `${column.range[0] ?? '−∞'} to ${
        column.range[1] ?? '∞'}`, reference].map((text) => make('td', text)));
    return row;
  }));
  const wrong = columns.filter((column) => column.label);
  find('warning').textContent = wrong.length
    ? `† ${wrong[0].label}: ${wrong.map((item) => item.head).join(', ')}.`
    : '';
}

const colour = (index) => `var(--c${index % COLOURS})`;
const dash = (index) =>
  DASHES[(index + Math.floor(index / COLOURS)) % DASHES.length] || null;

function curveSample(index) {
  const line = make('svg', '', {width: 30, height: 10, viewBox:
    '0 0 30 10', 'aria-hidden': 'true'});
  line.append(make('polyline', '', {points: '0,5 30,5', style:
    `stroke: ${colour(index)}`, 'stroke-dasharray': dash(index)}));
  return line;
}

function drawLegend() {
  find('legend').replaceChildren(...shown().map(({name, index}) => {
    const item = make('span', '', {'data-method': index});
    item.append(curveSample(index), ` ${name}`);
    return item;
  }));
}

function drawPicker() {
  find('methods').replaceChildren(...report.methods.map(({name, source}) => {
    const item = make('label', '', {title: source});
    const box = make('input', '', {type: 'checkbox', value: name});
    box.checked = !hidden.has(name);
    box.addEventListener('change', () => pick(box.checked, [name]));
    item.append(box, ` ${name}`);
    return item;
  }));
}

function pick(wanted, names) {
  for (const name of names) hidden[wanted ? 'delete' : 'add'](name);
  for (const box of find('methods').querySelectorAll('input')) {
    box.checked = !hidden.has(box.value);
  }
  drawPage();
}

function drawChart(column) {
  const [width, height, left, right, top, bottom] =
    [300, 200, 46, 10, 24, 26];
  const all = [...column.known.values()].filter((item) => item !== null)
    .flatMap((item) => item.sorted);
  const box = make('div', '', {class: 'chart'});
  if (!all.length) return box;
  let [low, high] = [Math.min(...all), Math.max(...all)];
  if (low === high) [low, high] = [low - 0.5, high + 0.5];
  const place = (x, y) => [
    left + (width - left - right) * x,
    height - bottom - (height - bottom - top) * (y - low) / (high - low),
  ].map((value) => value.toFixed(1));
  const svg = make('svg', '', {viewBox: `0 0 ${width} ${height}`,
    role: 'img', 'aria-label': `Cumulative curves of ${column.head}`});
  svg.append(make('text', `${column.head}${column.mark} ${column.arrow}`,
    {x: left, y: 14, class: 'title'}));
  const digits = digitsOf([low, high]);
  for (const share of [0, 0.25, 0.5, 0.75, 1]) {
    const [x, y] = place(share, low + share * (high - low));
    svg.append(
      make('line', '', {x1: left, x2: width - right, y1: y, y2: y,
        class: 'grid'}),
      make('text', number(low + share * (high - low), digits),
        {x: left - 5, y: Number(y) + 4, 'text-anchor': 'end'}),
      make('text', share, {x, y: height - 8, 'text-anchor': 'middle'}));
  }
  for (const {name, index} of shown()) {
    const item = column.known.get(name);
    if (!item) continue;
    const count = item.sorted.length;
    const style = {'data-method': index, style: `stroke: ${colour(index)}`};
    const points = item.sorted.map((value, i) => place((i + 1) / count, value));
    const curve = count > 1
      ? make('polyline', '', {...style, 'stroke-dasharray': dash(index),
        points: points.map((point) => point.join()).join(' ')})
      : make('circle', '', {...style, cx: points[0][0], cy: points[0][1],
        r: 3, fill: 'none'});
    curve.append(make('title', `${name}: mean ${number(item.mean, 4)}`));
    svg.append(curve);
  }
  box.append(svg);
  return box;
}

function bringForward(event) {
  const index = event.target.closest?.('[data-method]')?.dataset.method;
  find('charts').classList.toggle('dim', index !== undefined);
  for (const curve of find('charts').querySelectorAll('[data-method]')) {
    curve.classList.toggle('near', curve.dataset.method === index);
  }
}

function drawPage() {
  const [set, preset] = [chosenSet(), chosenPreset()];
  find('note').textContent = preset.note;
  find('pairs').textContent = `Means over ${set.pairs} pair` +
    `${set.pairs === 1 ? '' : 's'}; median and standard deviation of a ` +
    'cell, and the definition of a column, appear when hovered over. ' +
    'The best value of a column is bold.';
  const problems = find('problems');
  problems.hidden = !set.problems.length;
  problems.querySelector('summary').textContent =
    `Left out (${set.problems.length})`;
  problems.querySelector('ul').replaceChildren(
    ...set.problems.map((text) => make('li', text)));
  const inSet = report.methods.filter(({name}) =>
    own(own(report.values, set.name), name)).length;
  find('picker').querySelector('summary').textContent =
    `Methods (${shown().length} of ${inSet} shown)`;
  drawTable();
  drawColumns();
  drawRanks();
  drawLegend();
  find('charts').replaceChildren(...metricColumns().map(drawChart));
  for (const strips of document.querySelectorAll('.strips')) {
    strips.hidden = strips.dataset.set !== find('set').value;
  }
  for (const figure of document.querySelectorAll('.strips [data-name]')) {
    figure.hidden = hidden.has(figure.dataset.name);
  }
}

const options = (list) => list.map((item, index) =>
  make('option', item.name, {value: index}));

// The sets of the chosen kind of pairs.
function offerSets() {
  const task = find('task').value;
  find('set').replaceChildren(...options(report.sets).filter((_, index) =>
    !task || report.sets[index].task === task));
}

function offerRanks() {
  const before = find('ranked').value;
  find('ranked').replaceChildren(...chosenPreset().columns.map((column) =>
    make('option', column.head, {value: column.key})));
  if (chosenPreset().columns.some((column) => column.key === before)) {
    find('ranked').value = before;
  }
}

const tasks = Object.entries(report.tasks);
find('task').append(make('option', 'all', {value: ''}), ...tasks.map(
  ([name, title]) => make('option', title, {value: name})));
find('tasks').hidden = tasks.length < 2;
find('preset').append(...options(report.presets));
offerSets();
offerRanks();
for (const [id, prepare] of [['task', offerSets], ['set', null],
  ['preset', offerRanks], ['ranked', null]]) {
  find(id).addEventListener('change', () => {
    prepare?.();
    drawPage();
  });
}
for (const id of ['choice', 'ranking']) {
  find(id).addEventListener('submit', (event) => event.preventDefault());
}
for (const [id, wanted] of [['all', true], ['none', false]]) {
  find(id).addEventListener('click', () =>
    pick(wanted, report.methods.map((method) => method.name)));
}
for (const id of ['legend', 'charts']) {
  find(id).addEventListener('pointerover', bringForward);
  find(id).addEventListener('pointerleave', bringForward);
}
find('setting').textContent = `mmfusion ${report.setting.mmfusion}, torch ${
  report.setting.torch}. Pairs are fused at their own size, and measured as ` +
  'saved with 8 bits.';
drawPicker();
drawPage();
