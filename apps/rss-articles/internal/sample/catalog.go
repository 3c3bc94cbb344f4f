package sample

// Format is a kind of feed document.
type Format string

// The formats of the sample feeds.
const (
	RSS091   Format = "RSS 0.91"
	RSS092   Format = "RSS 0.92"
	RSS10    Format = "RSS 1.0"
	RSS20    Format = "RSS 2.0"
	Atom     Format = "Atom"
	JSONFeed Format = "JSON Feed"
)

// Feed is one of the sample feeds.
type Feed struct {
	Path     string // where Handler serves it, with a leading slash
	Title    string
	Site     string // the publisher's address
	Format   Format
	Language string // ISO 639-1

	name    string // of its file in data/
	charset string // "" for UTF-8
	about   string
}

// Feeds returns the sample feeds.
func Feeds() []Feed {
	return []Feed{
		{Path: "/courier.xml", Title: "The Harbour Courier", Site: "https://harbour-courier.example", Format: RSS20, Language: "en", name: "courier",
			about: "News of the city and the sea"},
		{Path: "/wirewright.atom", Title: "Wirewright", Site: "https://wirewright.example", Format: Atom, Language: "en", name: "wirewright",
			about: "Machines and those who make them"},
		{Path: "/loam.rdf", Title: "Loam & Lens", Site: "https://loam-and-lens.example", Format: RSS10, Language: "en", name: "loam",
			about: "Science from the ground to the sky"},
		{Path: "/touchline.rss", Title: "Touchline", Site: "https://touchline.example", Format: RSS092, Language: "en", name: "touchline",
			about: "Sport, told slowly"},
		{Path: "/lantern.json", Title: "The Paper Lantern", Site: "https://paper-lantern.example", Format: JSONFeed, Language: "en", name: "lantern",
			about: "Film, books and everything on a stage"},
		{Path: "/gazette.rss", Title: "Millbrook Gazette", Site: "http://millbrook-gazette.example", Format: RSS091, Language: "en", name: "gazette",
			about: "What happened in Millbrook"},
		{Path: "/meridian.xml", Title: "Daily Meridian", Site: "https://daily-meridian.example", Format: RSS20, Language: "en", name: "meridian",
			about: "The day, gathered from everywhere"},
		{Path: "/jiangcheng.xml", Title: "江城晚报", Site: "https://jiangcheng-wanbao.example", Format: RSS20, Language: "zh", name: "jiangcheng", charset: "gb18030",
			about: "江城人的一天"},
		{Path: "/mashang.atom", Title: "码上科技", Site: "https://mashang-keji.example", Format: Atom, Language: "zh", name: "mashang",
			about: "技术与做技术的人"},
		{Path: "/guanxing.json", Title: "观星台", Site: "https://guanxingtai.example", Format: JSONFeed, Language: "zh", name: "guanxing",
			about: "科学、历史与书"},
		{Path: "/chengnan.xml", Title: "城南早报", Site: "https://chengnan-zaobao.example", Format: RSS20, Language: "zh", name: "chengnan",
			about: "每天早上的几件小事"},
	}
}
