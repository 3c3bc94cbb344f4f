// The content of an article, as elements. The server sends it as a list of the
// elements to make, sanitised; what is none of these is left out all the same.
import { h, link, host } from './dom.js';

const plain = new Set(['p', 'br', 'hr', 'h3', 'h4', 'ul', 'ol', 'li', 'dl', 'dt', 'dd', 'blockquote', 'pre', 'code', 'kbd', 'samp', 'em', 'strong',
  'small', 'mark', 'q', 'cite', 'sub', 'sup', 'del', 'ins', 'figure', 'figcaption', 'table', 'caption', 'thead', 'tbody', 'tfoot', 'tr', 'th', 'td', 'div']);
const deepest = 40;

export function content(nodes, depth = 0) {
  return (nodes || []).map((n) => one(n, depth)).filter((e) => e !== null);
}

function one(n, depth) {
  if (!n.name) return n.text || null;
  if (depth > deepest) return null;
  const inner = content(n.nodes, depth + 1);
  if (n.name === 'a') {
    const a = link(n.link, inner);
    if (!a.textContent.trim()) a.append(host(n.link));
    return a;
  }
  if (!plain.has(n.name)) return null;
  switch (n.name) {
    case 'table': return h('div', { class: 'wide', tabindex: 0, role: 'region', 'aria-label': 'Table' }, h('table', {}, inner));
    case 'pre': return h('pre', { tabindex: 0 }, inner);
    default: return h(n.name, {}, inner);
  }
}
