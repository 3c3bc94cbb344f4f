// Making elements. All that comes from feeds becomes text nodes and checked
// links: nothing here parses HTML.

export const $ = (id) => document.getElementById(id);

// h makes an element: h('p', {class: 'x', onclick: f}, 'text', child, null).
export function h(tag, properties = {}, ...children) {
  const e = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) e.addEventListener(name.slice(2), value);
    else e.setAttribute(name, value === true ? '' : value);
  }
  e.append(...children.flat().filter((c) => c !== null && c !== undefined && c !== false && c !== ''));
  return e;
}

// svg makes an SVG element.
export function svg(tag, attributes = {}, ...children) {
  const e = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) e.setAttribute(name, value);
  e.append(...children);
  return e;
}

// href returns an address that may be opened, or null: javascript: and the like
// are not addresses of articles.
export function href(address) {
  try {
    const u = new URL(address);
    return u.protocol === 'http:' || u.protocol === 'https:' ? u.href : null;
  } catch {
    return null;
  }
}

// link makes a link to another site, or plain text if the address is not one.
export function link(address, text, properties = {}) {
  const to = href(address);
  return to ? h('a', { href: to, target: '_blank', rel: 'noopener noreferrer', ...properties }, text)
    : h('span', { tabindex: 0, ...properties }, text);
}

const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });
const day = new Intl.DateTimeFormat('en', { dateStyle: 'medium' });
const exact = new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'short' });

// when makes a time that reads well: "5 minutes ago", "Mar 3, 2026".
export function when(text) {
  const t = new Date(text);
  if (!text || Number.isNaN(t.getTime()) || t.getFullYear() < 1980) return null;
  return h('time', { datetime: t.toISOString(), title: exact.format(t) }, ago(t));
}

function ago(t) {
  const seconds = (t - Date.now()) / 1000, size = Math.abs(seconds);
  if (size < 45) return seconds > 0 ? 'in a moment' : 'just now';
  if (size < 3600) return relative.format(Math.round(seconds / 60), 'minute');
  if (size < 86400) return relative.format(Math.round(seconds / 3600), 'hour');
  if (size < 7 * 86400) return relative.format(Math.round(seconds / 86400), 'day');
  return day.format(t);
}

// refreshTimes keeps the times right that are on the page.
export function refreshTimes() {
  for (const e of document.querySelectorAll('time[datetime]')) e.textContent = ago(new Date(e.getAttribute('datetime')));
}

export const plural = (n, one, many = one + 's') => `${n.toLocaleString('en')} ${n === 1 ? one : many}`;

// announce tells screen readers, at most the newest text a second.
let timer = 0;
export function announce(text) {
  clearTimeout(timer);
  timer = setTimeout(() => { $('announce').textContent = text; }, 1000);
}

// say shows the outcome of a form.
export function say(id, text, bad = false) {
  $(id).textContent = text;
  $(id).classList.toggle('bad', bad);
}
