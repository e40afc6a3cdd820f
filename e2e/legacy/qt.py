"""Shows a page in an engine that comes with Qt until it is ended. Arguments: PyQt5's module, the class of the view, the address."""

import sys
from importlib import import_module

from PyQt5.QtCore import QUrl
from PyQt5.QtWidgets import QApplication

module, name, url = sys.argv[1:]
# Before the application, which QtWebEngine insists on.
View = getattr(import_module("PyQt5." + module), name)
app = QApplication(sys.argv[:1])
view = View()
view.load(QUrl(url))
view.show()
sys.exit(app.exec_())
