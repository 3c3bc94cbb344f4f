// Requests to the server that the page came from.

// request returns the answer's JSON, or throws an Error with the problem's detail.
async function request(method, path, body) {
  const options = { method, headers: {} };
  if (body !== undefined) {
    options.body = typeof body === 'string' ? body : JSON.stringify(body);
    options.headers['Content-Type'] = typeof body === 'string' ? 'text/xml' : 'application/json';
  }
  let answer;
  try {
    answer = await fetch(path, options);
  } catch {
    throw new Error('the server cannot be reached');
  }
  const text = await answer.text();
  let value = null;
  try {
    value = text ? JSON.parse(text) : null;
  } catch { /* not JSON: an error page of something between */ }
  if (!answer.ok) {
    const error = new Error(value?.detail || `the server answered ${answer.status}`);
    error.status = answer.status;
    throw error;
  }
  return value;
}

const key = encodeURIComponent;

const of = (reader) => (reader ? '&reader=' + key(reader) : '');

export const articles = (reader, unread, before = '') =>
  request('GET', `/v1/articles?limit=30${of(reader)}${reader && unread ? '&unread=true' : ''}${before && '&before=' + key(before)}`);
export const article = (id, reader) => request('GET', `/v1/articles/${key(id)}?${of(reader).slice(1)}`);
export const found = 20; // results of a page
export const search = (text, offset, reader) => request('GET', `/v1/search?limit=${found}&q=${key(text)}&offset=${offset}${of(reader)}`);
export const shelf = (reader) => request('GET', `/v1/readers/${key(reader)}/recommendations`);
export const outlet = (reader, format) => `/v1/readers/${key(reader)}/feed.${format}`;
export const feeds = async () => (await request('GET', '/v1/feeds')).items;
export const addFeed = (url, title) => request('PUT', '/v1/feeds/' + key(url), { title });
export const removeFeed = (url) => request('DELETE', '/v1/feeds/' + key(url));
export const importOPML = (text) => request('POST', '/v1/opml', text);
export const readers = async () => (await request('GET', '/v1/readers')).items;
export const setReader = (reader) => request('PUT', '/v1/readers/' + key(reader.id), reader);
export const removeReader = (id) => request('DELETE', '/v1/readers/' + key(id));
export const click = (reader, article, kind) => request('POST', '/v1/clicks', { reader, article, kind });
export const mark = (reader, article, read) => request('PUT', `/v1/readers/${key(reader)}/marks/${key(article)}`, { read });
export const topology = () => request('GET', '/v1/topology');
export const status = () => request('GET', '/v1/status');
export const topologyText = async () => (await fetch('/v1/topology?format=text')).text();
