package embedded

const childDir = "EMBEDDED_TEST_CHILD"

func runChild(dir string) int { return 0 }
