package written

import "fmt"

// Meant suggests the known word that was probably meant. It is empty where none
// is near, and never repeats the word itself.
func Meant(word string, known []string) Text {
	best := Nearest(word, known)
	if best == "" {
		return Text{}
	}
	return Text{KO: fmt.Sprintf(" (혹시 %q?)", best), EN: fmt.Sprintf("; did you mean %q?", best)}
}

// Nearest is the known word that was probably meant, or "".
func Nearest(word string, known []string) string {
	best, distance := "", 3
	for _, k := range known {
		if d := editDistance(word, k, distance); d < distance && d < len(k) {
			best, distance = k, d
		}
	}
	return best
}

// editDistance is Levenshtein's, given up at limit.
func editDistance(a, b string, limit int) int {
	if len(a) > 60 || len(b) > 60 || len(a)-len(b) >= limit || len(b)-len(a) >= limit {
		return limit
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := diagonal
			if a[i-1] != b[j-1] {
				cost++
			}
			diagonal = row[j]
			row[j] = min(cost, row[j]+1, row[j-1]+1)
		}
	}
	return min(row[len(b)], limit)
}
