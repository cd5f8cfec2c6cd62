package schemas

// What Redis holds of the sync of channels. All of it is coordination: it may vanish.

// ThreadsPrefix begins the keys of what is known of a channel's threads.
const ThreadsPrefix = coordinationTag + "threads:"

// ThreadsKey is a hash by a root's ts: what its thread was when it was last read. Coordination: with what is lost, all threads of the channel
// are read again.
func ThreadsKey(team TeamID, channel ChannelID) string {
	return ThreadsPrefix + "{" + string(team) + "}:" + string(channel)
}

// ThreadsDueKey is a sorted set of the same roots by when they are to be read. It is made from ThreadsKey when it does not fit it.
func ThreadsDueKey(team TeamID, channel ChannelID) string {
	return coordinationTag + "threads-due:{" + string(team) + "}:" + string(channel)
}

// PrintsKey is a hash by hour: a fingerprint of the channel's messages of that hour as they were last published. What is lost is published again.
func PrintsKey(team TeamID, channel ChannelID) string {
	return coordinationTag + "prints:{" + string(team) + "}:" + string(channel)
}

// PaceKey is by what a method's budget in a workspace is stretched after Slack said 429 more than it should.
func PaceKey(team TeamID, method string) string {
	return coordinationTag + "pace:{" + string(team) + "}:" + method
}

// UrgentKey exists while somebody waits for a method's budget who goes before all polling.
func UrgentKey(team TeamID, method string) string {
	return coordinationTag + "urgent:{" + string(team) + "}:" + method
}

// PolledKey is when anybody last polled, in seconds since 1970, and IdleKey when polling began again after nobody had.
const (
	PolledKey = coordinationTag + "polled"
	IdleKey   = coordinationTag + "polled-again"
)

// PollersKey is a sorted set of the replicas that poll history, by when they were last heard of.
const PollersKey = coordinationTag + "pollers"
