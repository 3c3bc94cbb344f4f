// Package tool has what operators do to a topology that is not running: look
// at its dead letters and put them back to where they came from ([DeadLetters],
// [Replay]), and begin anew ([Reset]). The command millrace (apps/millrace)
// is a thin shell around it.
package tool
