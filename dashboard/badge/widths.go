package badge

// widths are the advances of the characters from space to ~ in Verdana at 11 px,
// in hundredths of a pixel: the first font that the picture asks for. Others are
// squeezed or stretched to the same width by textLength.
var widths = [...]int{
	387, 433, 505, 900, 699, 1184, 799, 295, 500, 500, 699, 900, 400, 500, 400, 500,
	699, 699, 699, 699, 699, 699, 699, 699, 699, 699, 500, 500, 900, 900, 900, 600,
	1100, 752, 754, 768, 848, 696, 632, 853, 827, 463, 500, 762, 612, 927, 823, 866,
	663, 866, 765, 752, 678, 805, 752, 1088, 754, 677, 754, 500, 500, 500, 900, 699,
	699, 661, 685, 573, 685, 655, 387, 685, 696, 302, 379, 651, 302, 1070, 696, 668,
	685, 685, 469, 573, 433, 696, 651, 900, 651, 651, 578, 698, 500, 698, 900,
}

// textWidth is the width of a text in whole pixels, rounded up to an odd number so
// that the middle of the text falls on a pixel. A character without an entry counts
// as the widest common letter.
func textWidth(s string) int {
	sum := 0
	for _, r := range s {
		i := int(r) - ' '
		if i < 0 || i >= len(widths) {
			i = 'm' - ' '
		}
		sum += widths[i]
	}
	width := sum / 100
	return width + 1 - width%2
}
