// Long lists, a page at a time: what is in the document stays small.
import { $, h } from './dom.js';

// show offers the pages before and after this one. earlier and later are
// functions that go there, or null.
export function show(id, text, earlier, later) {
  const box = $(id);
  const had = box.contains(document.activeElement) ? document.activeElement.dataset.page : null;
  const button = (name, label, go) => h('button', { type: 'button', 'data-page': name, disabled: !go, onclick: go }, label);
  box.hidden = !earlier && !later;
  box.replaceChildren(button('earlier', '← Previous', earlier), h('span', { class: 'quiet' }, text), button('later', 'Next →', later));
  if (had && !box.hidden) (box.querySelector(`[data-page=${had}]:not(:disabled)`) || box.querySelector('button:not(:disabled)')).focus();
}

// Paged shows a list that is known as a whole: show is called with the part to show.
export class Paged {
  constructor(id, size, render) {
    Object.assign(this, { id, size, render, list: [], page: 0 });
  }

  // set takes the list as it is now, and stays at the page.
  set(list) {
    this.list = list;
    this.go(this.page);
  }

  // find goes to the page of an element.
  find(is) {
    const at = this.list.findIndex(is);
    if (at >= 0) this.go(Math.floor(at / this.size));
  }

  go(page) {
    const last = Math.max(0, Math.ceil(this.list.length / this.size) - 1);
    this.page = Math.min(last, Math.max(0, page));
    this.render(this.list.slice(this.page * this.size, (this.page + 1) * this.size));
    show(this.id, `Page ${this.page + 1} of ${last + 1}`,
      this.page > 0 ? () => this.turn(-1) : null, this.page < last ? () => this.turn(1) : null);
  }

  turn(step) {
    this.go(this.page + step);
    $(this.id).closest('section').scrollIntoView({ block: 'start' });
  }
}
