// Package tool has what operators do to a topology from outside: look at its
// dead letters and put them back to where they came from ([DeadLetters],
// [Replay]), begin anew ([Reset]), replay its inputs into an application of
// another id ([Begin]), and see whether it has caught up ([Lags],
// [AwaitCaughtUp]). The command millrace (apps/millrace) is a thin shell around
// it.
package tool
