// Package cli is the command line of rss-articles: its commands, their flags
// and help, and exit codes: 0 when all went well, 1 when something failed, 2
// for a command line that is wrong. A second interrupt ends the process at
// once, as the first does without this package.
package cli
