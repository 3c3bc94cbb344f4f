// Package latent learns from the stream itself which terms go together, and
// gives each article a short vector such that articles on one matter point the
// same way, though they may share no term. Short titles need it: of two Chinese
// headlines on football, few have a word in common.
//
// It is latent semantic analysis (Deerwester et al., "Indexing by latent
// semantic analysis", 1990): the right singular vectors of the matrix of
// articles by terms, here found by orthogonal iteration (Halko, Martinsson and
// Tropp, "Finding structure with randomness", 2011). The first vector says how
// common a term is and is dropped.
//
//   - A [Sample] is an article as its terms.
//   - [Train] makes a [Model] of samples; [Start], [Training.Step] and
//     [Training.Model] do it in steps, between which the training can be stored.
//   - [Model.Vector] gives the [Vector] of a sample, and [Vector.Cosine]
//     compares two.
//   - [Sum] makes a [Taste] of the vectors of what a reader liked.
//
// Singular vectors may turn from one training to the next. A new model is turned
// back so that it agrees as far as possible with the one before (the orthogonal
// Procrustes problem: Schönemann 1966), so vectors of older models still tell
// something.
//
// Functions are pure: the same samples in the same order give the same model.
// Work and memory are bounded by the number of samples and [MaxVocabulary].
package latent
