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
    return (u.protocol === 'http:' || u.protocol === 'https:') && !u.username && !u.password ? u.href : null;
  } catch {
    return null;
  }
}

// link makes a link to another site, or plain text if the address is not one.
export function link(address, text, properties = {}) {
  const to = href(address);
  return to ? h('a', { href: to, target: '_blank', rel: 'noopener noreferrer', ...properties }, text) : h('span', properties, text);
}

// host is the name of an address's site.
export function host(address) {
  try {
    return new URL(address).host;
  } catch {
    return address || '';
  }
}

// arrange makes a list's children those that are given, in their order, without
// touching what is in its place already. What has the focus keeps it, also when
// its entry was made anew.
export function arrange(list, elements) {
  const focused = list.contains(document.activeElement) ? document.activeElement : null;
  const key = (e) => e.dataset.id || e.dataset.url || e.dataset.reader;
  const entry = focused && [...list.children].find((e) => e.contains(focused));
  const wanted = new Set(elements);
  for (const e of [...list.children]) if (!wanted.has(e)) e.remove();
  elements.forEach((e, i) => {
    if (list.children[i] !== e) list.insertBefore(e, list.children[i] || null);
  });
  if (!focused || focused === document.activeElement) return;
  if (focused.isConnected) return focused.focus({ preventScroll: true });
  const again = elements.find((e) => key(e) === key(entry));
  const act = focused.dataset.act ? `[data-act=${focused.dataset.act}]` : '.open, button';
  again?.querySelector(act)?.focus({ preventScroll: true });
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

// say shows the outcome of a form, with a button if there is something to do.
export function say(id, text, bad = false, button = null) {
  $(id).replaceChildren(text, ...(button ? [' ', button] : []));
  $(id).classList.toggle('bad', bad);
}

// trouble shows that a list could not be read, with a button to try again.
export function trouble(id, error, again) {
  $(id).hidden = false;
  $(id).replaceChildren(h('span', { class: 'error' }, `This could not be read: ${error.message}. `),
    h('button', { type: 'button', onclick: again }, 'Try again'));
}
