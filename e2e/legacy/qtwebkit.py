"""Shows a page in QtWebKit until it is ended."""

import sys

from PyQt5.QtCore import QUrl
from PyQt5.QtWebKitWidgets import QWebView
from PyQt5.QtWidgets import QApplication

app = QApplication(sys.argv[:1])
view = QWebView()
view.load(QUrl(sys.argv[1]))
view.show()
sys.exit(app.exec_())
