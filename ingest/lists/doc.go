// Package lists reads the organization's channels and people in pages, for the console and for the API: from the sorted sets that the views sink
// keeps (schemas.ViewOrgChannelIndex, schemas.ViewOrgPeopleIndex), so that a page costs what is on it, and not how many there are.
package lists
