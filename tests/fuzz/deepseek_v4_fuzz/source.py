mark: str = "\uff5cx"  # don't
T = ("""a {mark}
""" + mark + r"\n")
