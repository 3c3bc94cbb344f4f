// Package clean turns the items of feeds into articles: one address for the
// many forms of a link, plain text for HTML, a language, a date and an
// identity.
package clean
