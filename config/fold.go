package config

// equalFold reports whether two strings are equal but for the case of ASCII
// letters, which is all that ssh folds.
func equalFold(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// lowerASCII is strings.ToLower that changes only ASCII letters. Other bytes stay
// as they are, valid UTF-8 or not.
func lowerASCII(s string) string {
	i := 0
	for i < len(s) && lower(s[i]) == s[i] {
		i++
	}
	if i == len(s) {
		return s
	}
	b := []byte(s)
	for ; i < len(b); i++ {
		b[i] = lower(b[i])
	}
	return string(b)
}
