// The topology, drawn, with what its processors are doing.
import * as api from './api.js';
import { $, h, svg, trouble } from './dom.js';
import { layout } from './layout.js';

let drawn = false;

function draw(description) {
  const l = layout(description);
  const { width, height } = l.box;
  const arrow = (id) => svg('marker', { id, viewBox: '0 0 8 8', refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: 'auto-start-reverse' },
    svg('path', { d: 'M0,0 L8,4 L0,8 z', class: 'arrow' }));
  const picture = svg('svg', { width: l.width, height: l.height, viewBox: `0 0 ${l.width} ${l.height}`, role: 'img', 'aria-label': `Topology ${description.name}; the same as text is below` },
    svg('defs', {}, arrow('arrow')));
  for (const e of l.edges) {
    const both = e.role === 'state' || e.role === 'store';
    picture.append(svg('path', { class: `edge ${e.role}`, d: e.path, 'marker-end': 'url(#arrow)', ...(both ? { 'marker-start': 'url(#arrow)' } : {}) }));
  }
  for (const n of l.nodes) {
    const round = n.kind === 'topic' ? height / 2 : n.kind === 'table' ? 3 : 7;
    const text = svg('text', { x: n.x, y: n.y + 4.5, 'text-anchor': 'middle' });
    text.textContent = n.name.length > 23 ? n.name.slice(0, 22) + '…' : n.name;
    const title = svg('title');
    title.textContent = `${n.kind} ${n.name}`;
    picture.append(svg('g', { class: `node ${n.kind}` }, title,
      svg('rect', { x: n.x - width / 2, y: n.y - height / 2, width, height, rx: round }), text));
  }
  $('drawing').replaceChildren(picture);
  $('drawing').scrollLeft = (l.width - $('drawing').clientWidth) / 2;
}

// load draws once, and shows the state of the processors each time.
export async function load() {
  if (!drawn) {
    try {
      draw(await api.topology());
      $('topology-text').textContent = await api.topologyText();
    } catch (error) {
      trouble('topology-empty', error, () => load().catch(() => {}));
      throw error;
    }
    $('topology-empty').hidden = true;
    drawn = true;
  }
  const status = await api.status();
  $('processors').replaceChildren(...status.processors.map((p) => {
    const parts = p.partitions || [];
    const good = p.phase === 'running' ? 'ok' : p.phase === 'failed' || p.phase === 'waiting' ? 'failing' : '';
    return h('tr', {}, h('th', { scope: 'row' }, p.name), h('td', {}, h('span', { class: `health ${good}` }, p.phase), p.error && h('p', { class: 'error' }, p.error)),
      h('td', {}, String(parts.length)), h('td', {}, String(parts.reduce((sum, x) => sum + Math.max(0, x.lag), 0))));
  }));
}
