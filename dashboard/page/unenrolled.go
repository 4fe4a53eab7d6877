package page

import "context"

// unenrolledShown bounds what the first page says of repositories that are not enrolled:
// the hook of a whole organisation sends those of all of them.
const unenrolledShown = 20

type unenrolledRow struct {
	UnenrolledRepo
	When moment
}

// unenrolled are the latest, and how many more there are.
func (p *Pages) unenrolled(ctx context.Context) (rows []unenrolledRow, more int) {
	all := p.Unenrolled(ctx)
	for _, repo := range all[:min(len(all), unenrolledShown)] {
		rows = append(rows, unenrolledRow{repo, p.at(repo.Last)})
	}
	return rows, len(all) - len(rows)
}
