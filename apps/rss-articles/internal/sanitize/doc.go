// Package sanitize makes the HTML of feeds safe to show. It keeps the elements
// of running text (paragraphs, lists, quotes, code, tables) and links, and
// nothing else: no script, handler, style, form, frame, picture or other thing
// that a browser would fetch. A picture leaves its description.
//
// Two passes, each enough by itself: bluemonday with a list of what is allowed,
// then a walk over its tokens that writes only elements of our own list, closes
// what is open, bounds size and depth and resolves links. [HTML] is what a topic
// holds; [Tree] goes once more through both and gives the page elements to make,
// so that no browser parses what a feed wrote.
package sanitize
