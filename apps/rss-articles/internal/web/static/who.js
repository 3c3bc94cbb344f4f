// The reader that the page is for, chosen in the bar and remembered.
import { $, h } from './dom.js';

const select = $('reader');
const listeners = [];

export const current = () => select.value;
export const name = (r) => r.name || r.id;
export const onChange = (f) => listeners.push(f);

function remembered() {
  try {
    return localStorage.getItem('reader');
  } catch {
    return null; // storage is off
  }
}

// offer shows the readers to choose from.
export function offer(readers) {
  const before = select.value, wanted = before || remembered();
  select.replaceChildren(...readers.map((r) => h('option', { value: r.id }, name(r))));
  if (readers.some((r) => r.id === wanted)) select.value = wanted;
  select.disabled = readers.length === 0;
  if (select.value !== before) listeners.forEach((f) => f());
}

// choose makes a reader the current one.
export function choose(id) {
  select.value = id;
  changed();
}

function changed() {
  try {
    localStorage.setItem('reader', select.value);
  } catch { /* storage is off */ }
  listeners.forEach((f) => f());
}

select.addEventListener('change', changed);
