package match

// How diverse a list is made: no source has more than maxOf of any amongNext
// recommendations in a row.
const (
	maxOf     = 2
	amongNext = 4
)

// Diverse returns the order in which to show a ranked list, as indexes, so that no
// source fills it while others have something: at each place the best that is
// left whose source has not had two of the last three places. Where there is none,
// it is the best that is left.
func Diverse(sources []string) []int {
	order := make([]int, 0, len(sources))
	used := make([]bool, len(sources))
	for len(order) < len(sources) {
		last := order[max(0, len(order)-amongNext+1):]
		next := -1
		for i, s := range sources {
			if used[i] {
				continue
			}
			n := 0
			for _, j := range last {
				if sources[j] == s {
					n++
				}
			}
			if n < maxOf {
				next = i
				break
			}
			if next < 0 {
				next = i
			}
		}
		used[next] = true
		order = append(order, next)
	}
	return order
}
