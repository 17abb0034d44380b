"""The vocabulary of the simulated catalogue, in English and Chinese: what a title says carries its taste."""

CATEGORIES: dict[str, tuple[str, tuple[tuple[str, str], ...]]] = {
    "Garden": ("花园", (("rose", "玫瑰"), ("spade", "铁锹"), ("soil", "泥土"), ("seeds", "种子"))),
    "Kitchen": ("厨房", (("pan", "平底锅"), ("knife", "刀"), ("bowl", "碗"), ("kettle", "水壶"))),
    "Coffee": ("咖啡", (("beans", "咖啡豆"), ("filter", "滤纸"), ("grinder", "磨豆机"), ("roast", "烘焙"))),
    "Tea": ("茶", (("green tea", "绿茶"), ("oolong", "乌龙"), ("teapot", "茶壶"), ("jasmine", "茉莉"))),
    "Pets": ("宠物", (("dog food", "狗粮"), ("cat litter", "猫砂"), ("leash", "牵引绳"), ("treats", "零食"))),
    "Baby": ("母婴", (("diapers", "尿布"), ("bottle", "奶瓶"), ("wipes", "湿巾"), ("blanket", "毯子"))),
    "Books": ("图书", (("novel", "小说"), ("atlas", "地图册"), ("cookbook", "食谱"), ("poems", "诗集"))),
    "Sport": ("运动", (("yoga mat", "瑜伽垫"), ("socks", "袜子"), ("bottle", "水瓶"), ("tape", "胶带"))),
    "Beauty": ("美妆", (("cream", "面霜"), ("soap", "香皂"), ("shampoo", "洗发水"), ("oil", "精油"))),
    "Office": ("办公", (("paper", "纸"), ("pen", "笔"), ("lamp", "台灯"), ("folder", "文件夹"))),
    "Toys": ("玩具", (("puzzle", "拼图"), ("blocks", "积木"), ("kite", "风筝"), ("train", "火车"))),
    "Light": ("灯具", (("candle", "蜡烛"), ("bulb", "灯泡"), ("lantern", "灯笼"), ("string light", "灯串"))),
}
ADJECTIVES = (
    ("organic", "有机"), ("blue", "蓝色"), ("classic", "经典"), ("small", "小号"), ("large", "大号"),
    ("handmade", "手工"), ("recycled", "再生"), ("fine", "精致"), ("strong", "结实"), ("soft", "柔软"),
)  # fmt: skip
BRANDS = ("Alder", "Brook", "Cedar", "Dale", "Elm", "Fern")
GOOD = ("lovely", "works well", "buying again", "fast and good")
BAD = ("broke soon", "not as shown", "too expensive", "would not buy again")
