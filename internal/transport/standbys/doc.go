// Package standbys decides who keeps copies of a partition's state, and who of
// those that have one is to own a partition that has lost its owner. It is what
// the transports have in common; how members tell each other is theirs.
//
// The rules, for each partition's number:
//
//   - A number without an owner goes to the member that has come furthest with
//     its state, if it has room. As many numbers as possible go to a member that
//     has it (see [Match]).
//   - Up to n other members keep a standby of it, never the owner.
//   - Who keeps one goes on with it, as long as nobody has more than a fair share
//     of owned and copied numbers together.
//
// All depends on the arguments alone, whatever the order of maps: whoever leads
// a group comes to the same.
package standbys
