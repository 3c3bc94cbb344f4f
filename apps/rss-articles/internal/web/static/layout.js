// A small layered layout for a topology, after Sugiyama: nodes get layers along
// the flow, then an order in each layer that crosses few edges.

const sizes = { width: 168, height: 34, gapX: 26, gapY: 46, margin: 20 };

// graph turns a description of a topology into nodes and edges.
export function graph(description) {
  const nodes = new Map();
  for (const t of description.topics) nodes.set('t:' + t.name, { id: 't:' + t.name, name: t.name, kind: t.kind });
  const processors = [...description.processors];
  const has = (name) => nodes.has('t:' + name);
  if (has('feeds') && has('articles.raw')) { // the app's fetcher is not a processor of the topology
    processors.unshift({ name: 'fetch', edges: [{ role: 'changes', name: 'feeds' }, has('feeds.state') && { role: 'state', name: 'feeds.state' },
      { role: 'output', name: 'articles.raw' }].filter(Boolean) });
  }
  const edges = [];
  for (const p of processors) {
    const id = 'p:' + p.name;
    nodes.set(id, { id, name: p.name, kind: 'processor' });
    for (const e of p.edges) {
      const other = 't:' + e.name;
      if (e.role === 'loop' || !nodes.has(other)) continue;
      const out = e.role === 'output' || e.role === 'state' || e.role === 'store' || e.role === 'failed';
      edges.push({ from: out ? id : other, to: out ? other : id, role: e.role });
    }
  }
  return { nodes: [...nodes.values()].filter((n) => edges.some((e) => e.from === n.id || e.to === n.id)), edges };
}

// layers gives each node the length of the longest way to it; edges that close
// a cycle do not count.
function layers({ nodes, edges }) {
  const out = new Map(nodes.map((n) => [n.id, []]));
  for (const e of edges) out.get(e.from).push(e);
  const state = new Map(), order = [];
  const visit = (id) => {
    state.set(id, 'open');
    for (const e of out.get(id)) {
      if (state.get(e.to) === 'open') e.back = true;
      else if (!state.has(e.to)) visit(e.to);
    }
    state.set(id, 'done');
    order.unshift(id);
  };
  const entered = new Set(edges.map((e) => e.to));
  for (const n of [...nodes.filter((n) => !entered.has(n.id)), ...nodes]) if (!state.has(n.id)) visit(n.id);
  const layer = new Map(nodes.map((n) => [n.id, 0]));
  for (const id of order) {
    for (const e of out.get(id)) if (!e.back) layer.set(e.to, Math.max(layer.get(e.to), layer.get(id) + 1));
  }
  // What nothing leads to stands right above what it leads to.
  for (const n of nodes) {
    const below = out.get(n.id).filter((e) => !e.back).map((e) => layer.get(e.to));
    if (!entered.has(n.id) && below.length) layer.set(n.id, Math.min(...below) - 1);
  }
  return layer;
}

// layout places nodes (x, y: their middle) and gives each edge a path.
export function layout(description) {
  const g = graph(description), layer = layers(g);
  const rows = [];
  for (const n of g.nodes) (rows[layer.get(n.id)] ||= []).push(n);
  const all = rows.filter(Boolean);
  const near = new Map(g.nodes.map((n) => [n.id, []]));
  for (const e of g.edges) {
    near.get(e.from).push(e.to);
    near.get(e.to).push(e.from);
  }
  const place = new Map();
  const spread = () => all.forEach((row) => row.forEach((n, i) => place.set(n.id, i - (row.length - 1) / 2)));
  spread();
  for (let pass = 0; pass < 12; pass++) {
    const down = pass % 2 === 0;
    for (const row of down ? all : [...all].reverse()) {
      const weight = new Map(row.map((n) => {
        const others = near.get(n.id).filter((o) => layer.get(o) !== layer.get(n.id) && (layer.get(o) < layer.get(n.id)) === down);
        return [n.id, others.length ? others.reduce((sum, o) => sum + place.get(o), 0) / others.length : place.get(n.id)];
      }));
      row.sort((a, b) => weight.get(a.id) - weight.get(b.id));
      row.forEach((n, i) => place.set(n.id, i - (row.length - 1) / 2));
    }
  }
  const { width, height, gapX, gapY, margin } = sizes;
  const widest = Math.max(...all.map((row) => row.length), 1);
  const total = widest * (width + gapX) - gapX + 2 * margin;
  all.forEach((row, depth) => row.forEach((n, i) => {
    n.x = total / 2 + (i - (row.length - 1) / 2) * (width + gapX);
    n.y = margin + height / 2 + depth * (height + gapY);
    n.depth = depth;
  }));
  const at = new Map(g.nodes.map((n) => [n.id, n]));
  for (const e of g.edges) e.path = path(at.get(e.from), at.get(e.to), g.nodes);
  return { ...g, width: total, height: 2 * margin + all.length * (height + gapY) - gapY, box: sizes };
}

// path is a curve from the bottom of a node to the top of another, around the
// nodes of the layers between if it would run behind them.
function path(a, b, nodes) {
  const { width, height } = sizes;
  if (b.y <= a.y) { // back, or to the side
    const side = Math.max(a.x, b.x) + width / 2 + 18;
    return `M${a.x + width / 2},${a.y} C${side + 20},${a.y} ${side + 20},${b.y} ${b.x + width / 2},${b.y}`;
  }
  const y1 = a.y + height / 2, y2 = b.y - height / 2, bend = Math.min(40, (y2 - y1) / 2);
  const lane = b.depth - a.depth > 1 ? freeLane(a, b, nodes) : null;
  if (lane === null) return `M${a.x},${y1} C${a.x},${y1 + bend} ${b.x},${y2 - bend} ${b.x},${y2}`;
  return `M${a.x},${y1} C${a.x},${y1 + bend} ${lane},${y1 + 4} ${lane},${y1 + bend + 4} L${lane},${y2 - bend - 4} C${lane},${y2 - 4} ${b.x},${y2 - bend} ${b.x},${y2}`;
}

// freeLane is the x nearest to the middle of two nodes where no node between
// them stands.
function freeLane(a, b, nodes) {
  const { width, gapX } = sizes;
  const between = nodes.filter((n) => n.depth > a.depth && n.depth < b.depth);
  const free = (x) => between.every((n) => Math.abs(n.x - x) > width / 2 + 4);
  for (let off = 0; off < 2000; off += 6) {
    for (const x of [b.x + off, b.x - off]) if (x > gapX / 2 && free(x)) return x;
  }
  return null;
}
