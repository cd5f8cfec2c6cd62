package slackapp

// Where this service is reached, below its public URL.
const (
	// EventsPath takes Slack's events.
	EventsPath = "/slack/events"
	// InteractionsPath takes presses, submissions and the searches of external selects.
	InteractionsPath = "/slack/interactions"
	// ConnectPath and ChannelSyncPath begin the two flows of the product page; CallbackPath is where Slack leads back to.
	ConnectPath     = "/slack/install"
	ChannelSyncPath = "/slack/install/channel-sync"
	CallbackPath    = "/slack/callback"
	// SignInPath is where Slack leads back to once somebody has signed in to the console.
	SignInPath = "/console/signin/callback"
)
