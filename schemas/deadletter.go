package schemas

// Header names of a dead letter. Values are text; none ever holds a secret or message text.
const (
	HeaderReason    = "backchannel-reason"    // one of Reasons
	HeaderDetail    = "backchannel-detail"    // a sentence for a person
	HeaderComponent = "backchannel-component" // who gave up: enrich, route, clickhouse, …
	HeaderTopic     = "backchannel-topic"     // coordinates of the source record
	HeaderPartition = "backchannel-partition"
	HeaderOffset    = "backchannel-offset"
	HeaderTime      = "backchannel-source-time" // RFC 3339, the source record's timestamp
	HeaderReplayed  = "backchannel-replayed"    // on a replayed record: coordinates of its dead letter
)
