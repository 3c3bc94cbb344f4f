// Where the page is: the part of the address after #, such as #read/ID or
// #search?q=words&offset=20.

export const views = ['articles', 'foryou', 'read', 'search', 'feeds', 'readers', 'topology'];

// parse returns the view of a fragment, with what it shows; null for a place in
// the page, such as that of the skip link.
export function parse(fragment) {
  const [path, query = ''] = fragment.replace(/^#/, '').split('?', 2);
  const [view, ...rest] = (path || 'articles').split('/');
  if (!views.includes(view)) return null;
  let what = '';
  try {
    what = decodeURIComponent(rest.join('/'));
  } catch { /* not escaped as it should be: shows that there is no such thing */ }
  const q = new URLSearchParams(query), offset = Number(q.get('offset'));
  return { view, what, text: q.get('q') || '', offset: Number.isInteger(offset) && offset > 0 ? offset : 0 };
}

export const reading = (id) => '#read/' + encodeURIComponent(id);
export const searching = (text, offset = 0) => '#search?q=' + encodeURIComponent(text) + (offset ? '&offset=' + offset : '');
